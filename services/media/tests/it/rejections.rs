//! Refused and interrupted uploads leave nothing behind.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fenz_testkit::{PNG, Reply, eventually};
use futures::stream;
use reqwest::{
    Body, Method, RequestBuilder,
    multipart::{Form, Part},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
};

use crate::{files, harness::*, raw_upload::send_head};

fn post(media: &Media, user: i64, kind: &str) -> RequestBuilder {
    media.client(user).request(Method::POST, &format!("/api/v1/upload/{kind}"))
}

#[tokio::test]
async fn unsupported_files_are_refused() {
    on_each(&[], async |media| {
        let text = b"I am a text, whatever my name says. ".repeat(1000);
        for (path, bytes, status, reason) in [
            (VIDEO, text.clone(), 415, "UNSUPPORTED_FORMAT"),
            (VIDEO, PNG.to_vec(), 415, "UNSUPPORTED_FORMAT"),
            (THUMBNAIL, files::noise(5000), 415, "UNSUPPORTED_FORMAT"),
            (VIDEO, Vec::new(), 400, "INVALID_PARAMS"),
        ] {
            let reply = media.client(ALICE).upload(path, &bytes).await;
            assert_eq!(reply.refused(status, reason).fields(), ["file"]);
        }
        media.all_deleted().await;
    })
    .await;
}

#[tokio::test]
async fn forms_must_have_one_file() {
    let media = Media::on_sqlite(&[]).await;
    let file = || Part::bytes(PNG).file_name("a.png");
    for form in [
        Form::new().part("video", file()),
        Form::new().text("file2", "x"),
        Form::new().part("file", file()).part("file", file()),
    ] {
        let reply = media.client(ALICE).upload_form(THUMBNAIL, form).await;
        assert_eq!(reply.refused(400, "INVALID_PARAMS").fields(), ["file"]);
    }
    for (content_type, body) in
        [("application/json", "{}"), ("multipart/form-data", "x"), ("multipart/form-data; boundary=b", "nonsense")]
    {
        let request = post(&media, ALICE, VIDEO).header("content-type", content_type).body(body);
        Reply::of(request).await.expect(400);
    }
    media.all_deleted().await;
}

#[tokio::test]
async fn oversized_forms_are_not_buffered() {
    let media = Media::on_sqlite(&[]).await;
    let padding = "x".repeat(4 << 20);
    for body in [
        format!("--b\r\ncontent-disposition: form-data; name=\"{padding}"),
        format!("--b\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\n{padding}\r\n--b--\r\n"),
        format!("{padding}\r\n--b--\r\n"),
    ] {
        let request = post(&media, ALICE, VIDEO).header("content-type", "multipart/form-data; boundary=b");
        let reply = Reply::of(request.body(body)).await;
        assert_eq!(reply.refused(400, "INVALID_PARAMS").fields(), ["file"]);
    }
}

#[tokio::test]
async fn anonymous_callers_are_refused() {
    let media = Media::on_sqlite(&[]).await;
    let form = || Form::new().part("file", Part::bytes(PNG));
    let client = media.client(0);
    client.upload_form(THUMBNAIL, form()).await.refused(401, "UNAUTHENTICATED");
    client.with_token("nonsense").upload_form(THUMBNAIL, form()).await.refused(401, "TOKEN_INVALID");
    let put = Reply::of(client.request(Method::PUT, "/api/v1/upload/thumbnail").multipart(form())).await;
    assert_eq!(put.expect(405).header("allow"), "POST");
    media.all_deleted().await;
}

const LIMIT: usize = 6 << 20;

#[tokio::test]
async fn large_files_are_refused_whatever_size_is_declared() {
    let settings =
        [("media.max_video_bytes", "6291456"), ("media.part_bytes", "5242880"), ("media.max_image_bytes", "1000")];
    on_each(&settings, async |media| {
        let over = files::noise(LIMIT + 1);
        media.client(ALICE).upload(VIDEO, &over).await.refused(413, "FILE_TOO_LARGE");
        let far_over = files::noise(LIMIT + 1_000_000);
        media.client(ALICE).upload(VIDEO, &far_over).await.refused(413, "FILE_TOO_LARGE");
        // Without `Content-Length`: the limit is detected while receiving.
        let chunks =
            Bytes::from(far_over).chunks(10_000).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect::<Vec<_>>();
        let part = Part::stream(Body::wrap_stream(stream::iter(chunks)));
        let reply = media.client(ALICE).upload_form(VIDEO, Form::new().part("file", part)).await;
        reply.refused(413, "FILE_TOO_LARGE");
        media.client(ALICE).upload(THUMBNAIL, &PNG.repeat(20)).await.refused(413, "FILE_TOO_LARGE");
        media.all_deleted().await;
        media.uploaded(ALICE, VIDEO, &files::noise(LIMIT)).await;
    })
    .await;
}

#[tokio::test]
async fn a_large_declared_size_is_refused_at_once() {
    let media = Media::on_sqlite(&[("media.max_video_bytes", "6291456")]).await;
    let mut stream = send_head(&media, ALICE, 100 << 20).await;
    let mut answer = vec![0; 4096];
    let n = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut answer)).await.unwrap().unwrap();
    assert!(answer[..n].starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer[..n]));
}

#[tokio::test]
async fn interrupted_uploads_leave_nothing() {
    let settings = [("media.part_bytes", "5242880"), ("media.idle_timeout", "3s")];
    on_each(&settings, async |media| {
        // Disconnected before the first part, and after it.
        for sent in [100_000, 11_000_000] {
            let mut stream = send_head(&media, ALICE, 50 << 20).await;
            stream.write_all(&files::noise(sent)).await.unwrap();
            eventually(async || media.count("uploads").await == 1).await;
            drop(stream);
            media.all_deleted().await;
        }
        // Idle for too long.
        let mut stream = send_head(&media, ALICE, 50 << 20).await;
        stream.write_all(&files::noise(6_000_000)).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("UPLOAD_INCOMPLETE"), "{answer}");
        media.all_deleted().await;
        // The form ends before the file.
        let mut stream = send_head(&media, ALICE, 0).await;
        stream.read_to_string(&mut answer).await.unwrap();
        media.all_deleted().await;
    })
    .await;
}

#[tokio::test]
async fn quotas_apply_per_user() {
    let settings = [("media.storage_quota_bytes", "500000"), ("media.daily_quota_bytes", "700000")];
    on_each(&settings, async |media| {
        let first = media.uploaded(ALICE, VIDEO, &files::noise(400_000)).await;
        media.client(ALICE).upload(VIDEO, &files::noise(200_000)).await.refused(429, "QUOTA_EXCEEDED");
        media.uploaded(BOB, VIDEO, &files::noise(200_000)).await;
        // A removal frees storage, but not the daily quota.
        media.reserve(first, ALICE, "video", 1).await.unwrap();
        media.delete_video(1).await;
        media.uploaded(ALICE, VIDEO, &files::noise(200_000)).await;
        media.client(ALICE).upload(VIDEO, &files::noise(200_000)).await.refused(429, "QUOTA_EXCEEDED");
        media.sandbox.process.clock.advance(Duration::from_secs(24 * 3600));
        media.uploaded(ALICE, VIDEO, &files::noise(100_000)).await;
    })
    .await;
}

#[tokio::test]
async fn the_quota_applies_without_a_declared_size() {
    on_each(&[("media.storage_quota_bytes", "500000")], async |media| {
        let resume = Arc::new(Notify::new());
        let alice = media.client(ALICE);
        let first = alice.upload_form(VIDEO, files::halves(&files::noise(300_000), &resume));
        let second = async {
            eventually(async || media.count("uploads").await == 1).await;
            let immediately = Arc::new(Notify::new());
            immediately.notify_one();
            let second = alice.upload_form(VIDEO, files::halves(&files::noise(300_000), &immediately)).await;
            resume.notify_one();
            second
        };
        let (first, second) = futures::future::join(first, second).await;
        first.expect(200);
        second.refused(429, "QUOTA_EXCEEDED");
    })
    .await;
}

#[tokio::test]
async fn the_quota_is_checked_again_at_the_end() {
    let settings = [("media.part_bytes", "5242880"), ("media.daily_quota_bytes", "20000000")];
    on_each(&settings, async |media| {
        let resume = Arc::new(Notify::new());
        let alice = media.client(ALICE);
        let upload = alice.upload_form(VIDEO, files::halves(&files::noise(12_000_000), &resume));
        let used_up = async {
            // The quota was sufficient at the start: a part is being sent.
            eventually(async || media.count("uploads WHERE multipart_id IS NOT NULL").await == 1).await;
            let day = media.sandbox.process.clock.unix() / 86_400;
            media.sandbox.execute("media", &format!("INSERT INTO daily_usage VALUES ({ALICE}, {day}, 15000000)")).await;
            resume.notify_one();
        };
        let (upload, ()) = futures::future::join(upload, used_up).await;
        upload.refused(429, "QUOTA_EXCEEDED");
        media.all_deleted().await;
    })
    .await;
}

#[tokio::test]
async fn failed_uploads_count_as_sent() {
    on_each(&[("media.daily_quota_bytes", "700000")], async |media| {
        let part = || Part::bytes(files::noise(400_000)).file_name("a.mp4");
        let twice = Form::new().part("file", part()).part("file", Part::text("x"));
        media.client(ALICE).upload_form(VIDEO, twice).await.refused(400, "INVALID_PARAMS");
        let refused = media.client(ALICE).upload_form(VIDEO, Form::new().part("file", part())).await;
        refused.refused(429, "QUOTA_EXCEEDED");
        media.all_deleted().await;
        media.uploaded(ALICE, VIDEO, &files::noise(200_000)).await;
    })
    .await;
}
