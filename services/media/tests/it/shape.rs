//! Videos have the size at which people see them.

use fenz_testkit::id;
use serde_json::{Value, json};

use crate::{files, harness::*};

async fn is_shown_as(media: &Media, file: &[u8], (width, height): (i32, i32), what: &str) {
    let upload = media.processed(ALICE, VIDEO, file).await;
    assert_eq!(upload["status"], "ready", "{what}: {upload}");
    assert_eq!((&upload["width"], &upload["height"]), (&json!(width), &json!(height)), "{what}");
    let poster = format!("uploads WHERE poster_of = {} AND width = {width} AND height = {height}", id(&upload));
    assert_eq!(media.count(&poster).await, 1, "{what}: the poster");
}

#[tokio::test]
async fn pixels_need_not_be_square_and_videos_may_be_rotated() {
    let source = "-f lavfi -i testsrc=s=720x576:d=2:r=10 -vf setsar=64/45 -c:v libx264 -pix_fmt yuv420p";
    let media = Media::on_sqlite(&[]).await;
    for name in ["a.mp4", "a.mkv"] {
        is_shown_as(&media, &files::ffmpeg(name, source), (1024, 576), name).await;
    }
    let folder = files::Folder::default().with("wide.mp4", &files::ffmpeg("wide.mp4", source));
    let rotated = format!("-i {} -c copy -metadata:s:v:0 rotate=90", folder.path("wide.mp4"));
    is_shown_as(&media, &files::ffmpeg("rotated.mp4", &rotated), (576, 1024), "rotated").await;
}

/// The same file with the box of its metadata, and so its cover picture, before the tracks.
fn metadata_first(mp4: &[u8]) -> Vec<u8> {
    let at = |kind: &[u8]| mp4.windows(4).position(|bytes| bytes == kind).unwrap() - 4;
    let (track, metadata) = (at(b"trak"), at(b"udta"));
    let size = u32::from_be_bytes(mp4[metadata..metadata + 4].try_into().unwrap()) as usize;
    let end = metadata + size;
    [&mp4[..track], &mp4[metadata..end], &mp4[track..metadata], &mp4[end..]].concat()
}

#[tokio::test]
async fn a_cover_picture_is_not_the_video() {
    let picture = files::ffmpeg("cover.jpg", "-f lavfi -i testsrc=s=64x64 -frames:v 1");
    let folder = files::Folder::default().with("cover.jpg", &picture);
    let arguments = format!(
        "-f lavfi -i testsrc=s=320x240:d=2:r=10 -i {} -map 0 -map 1 -c:v:0 libx264 -pix_fmt:v:0 yuv420p -c:v:1 copy \
         -disposition:v:1 attached_pic",
        folder.path("cover.jpg")
    );
    let media = Media::on_sqlite(&[]).await;
    let video = files::ffmpeg("a.mp4", &arguments);
    is_shown_as(&media, &video, (320, 240), "behind the video").await;
    is_shown_as(&media, &metadata_first(&video), (320, 240), "before the video").await;
}

#[tokio::test]
async fn audio_alone_is_refused() {
    let sound = "-f lavfi -i sine=d=2 -c:a aac";
    let picture = files::ffmpeg("cover.jpg", "-f lavfi -i testsrc=s=64x64 -frames:v 1");
    let folder = files::Folder::default().with("cover.jpg", &picture);
    let with_cover = format!(
        "-f lavfi -i sine=d=2 -i {} -map 0 -map 1 -c:a aac -c:v copy -disposition:v attached_pic",
        folder.path("cover.jpg")
    );
    let media = Media::on_sqlite(&[]).await;
    let refused = media.client(ALICE).upload(VIDEO, &files::ffmpeg("a.m4a", sound)).await;
    refused.refused(415, "UNSUPPORTED_FORMAT");
    let violation = &refused.detail("BadRequest")["fieldViolations"][0]["description"];
    assert_eq!(
        violation,
        &Value::from("has no video track; should be MP4, QuickTime, WebM or Matroska with one"),
        "{refused:?}"
    );
    for (name, arguments) in [("a.mp4", sound), ("a.mkv", sound), ("b.mp4", &with_cover)] {
        let upload = media.processed(ALICE, VIDEO, &files::ffmpeg(name, arguments)).await;
        assert_eq!((&upload["status"], &upload["reason"]), (&json!("failed"), &json!("NO_VIDEO_TRACK")), "{name}");
    }
}
