//! How long videos are, also those that do not say it at their start.

use fenz_testkit::id;
use serde_json::{Value, json};

use crate::{files, harness::*};

/// More than 16 MiB, of which the look into a video copies the start, in four seconds.
const LARGE: &str = "-f lavfi -i testsrc2=s=1280x720:d=4:r=25,noise=alls=80:allf=t -pix_fmt yuv420p -g 25";

async fn length(media: &Media, file: &[u8]) -> Value {
    let upload = media.processed(ALICE, VIDEO, file).await;
    assert_eq!(upload["status"], "ready", "{upload}");
    assert_eq!(media.count(&format!("uploads WHERE poster_of = {}", id(&upload))).await, 1);
    upload["durationSeconds"].clone()
}

#[tokio::test]
async fn the_fragments_of_a_large_file_are_counted() {
    let fragments = "-c:v libx264 -preset ultrafast -qp 24 -movflags frag_keyframe+empty_moov";
    let file = files::ffmpeg("a.mp4", &format!("{LARGE} {fragments}"));
    assert!(file.len() > 20 << 20, "{}", file.len());
    let media = Media::on_sqlite(&[]).await;
    assert_eq!(length(&media, &file).await, json!(4));
}

#[tokio::test]
async fn a_length_is_not_the_time_of_the_end() {
    let late = "-f lavfi -i testsrc=s=320x240:d=4:r=10 -output_ts_offset 3 -c:v libx264";
    let media = Media::on_sqlite(&[]).await;
    assert_eq!(length(&media, &files::ffmpeg("a.mkv", late)).await, json!(4));
    let large = format!("{LARGE} -c:v libx264 -preset ultrafast -qp 24 -output_ts_offset 3");
    assert_eq!(length(&media, &files::ffmpeg("b.mkv", &large)).await, json!(4));
}

#[tokio::test]
async fn a_recording_that_does_not_say_its_length_is_measured() {
    let small = "-f lavfi -i testsrc=s=320x240:d=4:r=10 -output_ts_offset 3 -c:v libvpx -live 1";
    let large = format!("{LARGE} -c:v libx264 -preset ultrafast -qp 24 -live 1 -output_ts_offset 3");
    let large = files::ffmpeg("a.mkv", &large);
    assert!(large.len() > 20 << 20, "{}", large.len());
    let media = Media::on_sqlite(&[]).await;
    assert_eq!(length(&media, &files::ffmpeg("a.webm", small)).await, json!(4));
    assert_eq!(length(&media, &large).await, json!(4));
}

/// Subtitles bring fonts, which stand before the frames.
#[tokio::test]
async fn a_matroska_file_with_large_attachments_is_readable() {
    let fonts = files::Folder::default().with("a.ttf", &files::noise(20 << 20));
    let attached = format!(
        "-f lavfi -i testsrc=s=320x240:d=4:r=10 -attach {} -metadata:s:t mimetype=font/ttf -c:v libx264",
        fonts.path("a.ttf")
    );
    let media = Media::on_sqlite(&[]).await;
    assert_eq!(length(&media, &files::ffmpeg("a.mkv", &attached)).await, json!(4));
}
