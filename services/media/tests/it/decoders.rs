//! Which decoders a stranger's file can reach.

use fenz_testkit::id;
use serde_json::json;

use crate::{files, harness::*};

const SOURCE: &str = "-f lavfi -i testsrc=s=320x240:d=2:r=10";

#[tokio::test]
async fn what_is_not_on_the_list_is_not_decoded() {
    let media = Media::on_sqlite(&[]).await;
    for (name, codec) in [
        ("a.mkv", "-c:v magicyuv"),
        ("a.mov", "-c:v magicyuv"),
        ("b.mkv", "-c:v ffv1"),
        // Allowed as a cover picture alone.
        ("c.mkv", "-c:v mjpeg"),
    ] {
        let file = files::ffmpeg(name, &format!("{SOURCE} {codec}"));
        let upload = media.processed(ALICE, VIDEO, &file).await;
        assert_eq!((&upload["status"], &upload["reason"]), (&json!("failed"), &json!("UNREADABLE")), "{codec}");
        assert_eq!(media.count(&format!("uploads WHERE poster_of = {}", id(&upload))).await, 0, "{codec}");
    }
}

#[tokio::test]
async fn too_many_tracks_and_too_large_frames_are_not_opened() {
    let media = Media::on_sqlite(&[]).await;
    let tracks = " -map 0:v".repeat(33);
    let many = files::ffmpeg("many.mkv", &format!("{SOURCE}{tracks} -c:v mpeg4"));
    let large = "-f lavfi -i color=s=8192x8208:d=0.2:r=5 -c:v libx264 -preset ultrafast";
    for file in [many, files::ffmpeg("large.mp4", large)] {
        let upload = media.processed(ALICE, VIDEO, &file).await;
        assert_eq!((&upload["status"], &upload["reason"]), (&json!("failed"), &json!("UNREADABLE")), "{upload}");
    }
}

#[tokio::test]
async fn subtitles_cover_pictures_and_other_tracks_do_not_make_a_video_unreadable() {
    let subtitles = files::Folder::default().with("s.srt", b"1\n00:00:00,000 --> 00:00:01,000\nhello\n\n");
    let picture = files::ffmpeg("cover.jpg", "-f lavfi -i testsrc=s=64x64 -frames:v 1");
    let folder = subtitles.with("cover.jpg", &picture);
    let (text, cover) = (folder.path("s.srt"), folder.path("cover.jpg"));
    let media = Media::on_sqlite(&[]).await;
    for (name, rest) in [
        ("a.mp4", format!("-i {text} -c:v libx264 -c:s mov_text")),
        ("a.mkv", format!("-i {text} -c:v libx264 -c:s srt")),
        ("b.mkv", format!("-i {text} -c:v libx264 -c:s ass")),
        ("c.mp4", format!("-i {cover} -map 0 -map 1 -c:v:0 libx264 -c:v:1 copy -disposition:v:1 attached_pic")),
        ("c.mkv", format!("-attach {cover} -metadata:s:t mimetype=image/jpeg -c:v libx264")),
        ("d.mov", "-c:v libx264 -timecode 01:00:00:00".to_owned()),
        ("e.mkv", "-c:v libaom-av1 -cpu-used 8".to_owned()),
    ] {
        let upload = media.processed(ALICE, VIDEO, &files::ffmpeg(name, &format!("{SOURCE} {rest}"))).await;
        assert_eq!((&upload["status"], &upload["width"]), (&json!("ready"), &json!(320)), "{rest}: {upload}");
        let posters = media.count(&format!("uploads WHERE poster_of = {}", id(&upload))).await;
        assert_eq!(posters, 1, "{rest}");
    }
}
