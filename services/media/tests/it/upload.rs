//! Accepted uploads.

use fenz_testkit::{PNG, id};
use reqwest::multipart::{Form, Part};
use serde_json::json;

use crate::{files, harness::*, object_store::*};

#[tokio::test]
async fn a_video_is_stored_probed_and_played_back_unchanged() {
    on_each(&[], async |media| {
        let mp4 = files::ffmpeg("a.mp4", "-f lavfi -i testsrc=s=320x240:d=3:r=25 -c:v libx264 -pix_fmt yuv420p");
        let upload = media.processed(ALICE, VIDEO, &mp4).await;
        assert_eq!((&upload["contentType"], &upload["status"]), (&json!("video/mp4"), &json!("ready")));
        assert_eq!(upload["sizeBytes"], mp4.len().to_string());
        assert_eq!(upload["sha256"], files::sha256(&mp4));
        assert_eq!(
            (&upload["durationSeconds"], &upload["width"], &upload["height"]),
            (&json!(3), &json!(320), &json!(240))
        );
        assert!(upload["id"].is_string());

        let played = media.play(id(&upload)).send().await.unwrap();
        assert_eq!(played.status(), 200);
        assert_eq!(played.headers()["content-type"], "video/mp4");
        assert_eq!(files::sha256(&played.bytes().await.unwrap()), files::sha256(&mp4));
    })
    .await;
}

const SMALL_PARTS: (&str, &str) = ("media.part_bytes", "5242880");

#[tokio::test]
async fn large_files_are_sent_in_parts() {
    on_each(&[SMALL_PARTS], async |media| {
        large_files_come_back(&media).await;
        assert!(media.files().iter().all(|file| !file.contains("incoming")), "no unfinished upload is left");
    })
    .await;
}

#[tokio::test]
async fn large_files_are_sent_to_an_s3_in_parts() {
    for store in ObjectStore::available().await.into_iter().filter(|store| matches!(store, ObjectStore::S3(_))) {
        let mut settings = store.settings();
        settings.push(SMALL_PARTS);
        large_files_come_back(&Media::on_sqlite(&settings).await).await;
    }
}

async fn large_files_come_back(media: &Media) {
    // Less than a part, exactly one, exactly two, and two with a remainder.
    for size in [5_000_000, 5 << 20, 10 << 20, 12_345_678] {
        let bytes = files::noise(size);
        let id = media.uploaded(ALICE, VIDEO, &bytes).await;
        let played = media.play(id).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(files::sha256(&played), files::sha256(&bytes), "{size}");
    }
}

#[tokio::test]
async fn every_format_is_detected() {
    let video = "-f lavfi -i testsrc=s=160x120:d=1:r=10";
    let picture = "-f lavfi -i testsrc=s=64x48 -frames:v 1";
    let cases = [
        (VIDEO, "video/mp4", files::ffmpeg("a.mp4", &format!("{video} -movflags faststart"))),
        (VIDEO, "video/quicktime", files::ffmpeg("a.mov", video)),
        (VIDEO, "video/webm", files::ffmpeg("a.webm", &format!("{video} -c:v libvpx"))),
        (VIDEO, "video/x-matroska", files::ffmpeg("a.mkv", video)),
        (THUMBNAIL, "image/jpeg", files::ffmpeg("a.jpg", picture)),
        (THUMBNAIL, "image/png", files::ffmpeg("a.png", picture)),
        ("image", "image/webp", files::ffmpeg("a.webp", picture)),
    ];
    let media = Media::on_sqlite(&[]).await;
    for (path, content_type, bytes) in cases {
        let upload = media.processed(ALICE, path, &bytes).await;
        assert_eq!(upload["contentType"], content_type, "{upload}");
        let expected = if path == VIDEO { (1, 160, 120) } else { (0, 64, 48) };
        let info = ["durationSeconds", "width", "height"].map(|field| upload[field].as_i64().unwrap());
        assert_eq!((info[0], info[1], info[2]), expected, "{content_type}");
    }
}

#[tokio::test]
async fn an_index_at_the_end_of_the_file_is_found() {
    let source = "-f lavfi -i testsrc2=s=1280x720:d=3:r=25,noise=alls=80:allf=t -pix_fmt yuv420p";
    let mp4 = files::ffmpeg("long.mp4", &format!("{source} -c:v libx264 -preset ultrafast -qp 8"));
    let mkv = files::ffmpeg("long.mkv", &format!("{source} -c:v libx264 -preset ultrafast -qp 8"));
    let media = Media::on_sqlite(&[]).await;
    for video in [mp4, mkv] {
        assert!(video.len() > 17 << 20, "{}", video.len());
        let upload = media.processed(ALICE, VIDEO, &video).await;
        assert_eq!((&upload["durationSeconds"], &upload["width"]), (&json!(3), &json!(1280)), "{upload}");
        let claimed = media.reserve(id(&upload), ALICE, "video", 1).await.unwrap();
        assert_ne!(claimed.poster_upload_id, 0);
        media.delete_video(1).await;
    }
}

#[tokio::test]
async fn other_form_fields_are_skipped() {
    let media = Media::on_sqlite(&[]).await;
    let form = Form::new().text("title", "a").part("file", Part::bytes(PNG)).text("more", "b");
    media.client(ALICE).upload_form(THUMBNAIL, form).await.expect(200);
}

#[tokio::test]
async fn concurrent_uploads_do_not_mix() {
    on_each(&[], async |media| {
        let files: Vec<_> = (0..8).map(|i| files::noise(200_000 + i)).collect();
        let ids = futures::future::join_all(files.iter().map(|f| media.uploaded(ALICE, VIDEO, f))).await;
        for (id, file) in ids.into_iter().zip(files) {
            assert_eq!(media.play(id).send().await.unwrap().bytes().await.unwrap(), file);
        }
    })
    .await;
}
