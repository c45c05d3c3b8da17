//! Refused and interrupted uploads leave nothing behind.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use reqwest::{
    Body, StatusCode,
    multipart::{Form, Part},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

use crate::{files, harness::*};

#[tokio::test]
async fn unsupported_files_are_refused() {
    on_each(&[], async |media| {
        let text = b"I am a text, whatever my name says. ".repeat(1000);
        for (path, bytes, status, reason) in [
            (VIDEO, text.clone(), 415, "UNSUPPORTED_FORMAT"),
            (VIDEO, files::png(), 415, "UNSUPPORTED_FORMAT"),
            (THUMBNAIL, files::noise(5000), 415, "UNSUPPORTED_FORMAT"),
            (VIDEO, Vec::new(), 400, "INVALID_PARAMS"),
        ] {
            let reply = media.upload(ALICE, path, &bytes).await;
            assert_eq!((reply.refusal(), reply.violations()), ((status, reason), vec!["file"]));
        }
        media.all_deleted().await;
    })
    .await;
}

#[tokio::test]
async fn forms_must_have_one_file() {
    let media = Media::start(fenz_testkit::Database::Sqlite, &[]).await;
    let file = || Part::bytes(files::png()).file_name("a.png");
    for form in [
        Form::new().part("video", file()),
        Form::new().text("file2", "x"),
        Form::new().part("file", file()).part("file", file()),
    ] {
        let reply = media.send(ALICE, THUMBNAIL, form).await;
        assert_eq!((reply.refusal(), reply.violations()), ((400, "INVALID_PARAMS"), vec!["file"]));
    }
    for (content_type, body) in
        [("application/json", "{}"), ("multipart/form-data", "x"), ("multipart/form-data; boundary=b", "nonsense")]
    {
        let request = media.http.post(media.url(VIDEO)).bearer_auth(media.token(ALICE));
        let reply = Reply::of(request.header("content-type", content_type).body(body).send().await.unwrap()).await;
        assert_eq!(reply.status, 400, "{content_type}: {:?}", reply.json);
    }
    media.all_deleted().await;
}

#[tokio::test]
async fn oversized_forms_are_not_buffered() {
    let media = Media::start(fenz_testkit::Database::Sqlite, &[]).await;
    let padding = "x".repeat(4 << 20);
    for body in [
        format!("--b\r\ncontent-disposition: form-data; name=\"{padding}"),
        format!("--b\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\n{padding}\r\n--b--\r\n"),
        format!("{padding}\r\n--b--\r\n"),
    ] {
        let request = media.http.post(media.url(VIDEO)).bearer_auth(media.token(ALICE));
        let request = request.header("content-type", "multipart/form-data; boundary=b").body(body);
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!((reply.refusal(), reply.violations()), ((400, "INVALID_PARAMS"), vec!["file"]), "{:?}", reply.json);
    }
}

#[tokio::test]
async fn anonymous_callers_are_refused() {
    let media = Media::start(fenz_testkit::Database::Sqlite, &[]).await;
    let form = || Form::new().part("file", Part::bytes(files::png()));
    let reply = media.http.post(media.url(THUMBNAIL)).multipart(form()).send().await.unwrap();
    assert_eq!(Reply::of(reply).await.refusal(), (401, "UNAUTHENTICATED"));
    let reply = media.http.post(media.url(THUMBNAIL)).bearer_auth("nonsense").multipart(form()).send().await.unwrap();
    assert_eq!(Reply::of(reply).await.refusal(), (401, "TOKEN_INVALID"));
    let reply = media.http.put(media.url(THUMBNAIL)).multipart(form()).send().await.unwrap();
    assert_eq!((reply.status(), &reply.headers()["allow"]), (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().unwrap()));
    media.all_deleted().await;
}

const LIMIT: usize = 6 << 20;

#[tokio::test]
async fn large_files_are_refused_whatever_size_is_declared() {
    let settings =
        [("media.max_video_bytes", "6291456"), ("media.part_bytes", "5242880"), ("media.max_image_bytes", "1000")];
    on_each(&settings, async |media| {
        let over = files::noise(LIMIT + 1);
        assert_eq!(media.upload(ALICE, VIDEO, &over).await.refusal(), (413, "FILE_TOO_LARGE"));
        let far_over = files::noise(LIMIT + 1_000_000);
        assert_eq!(media.upload(ALICE, VIDEO, &far_over).await.refusal(), (413, "FILE_TOO_LARGE"));
        // Without `Content-Length`: the limit is detected while receiving.
        let chunks =
            Bytes::from(far_over).chunks(10_000).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect::<Vec<_>>();
        let part = Part::stream(Body::wrap_stream(stream::iter(chunks)));
        let reply = media.send(ALICE, VIDEO, Form::new().part("file", part)).await;
        assert_eq!(reply.refusal(), (413, "FILE_TOO_LARGE"));
        assert_eq!(media.upload(ALICE, THUMBNAIL, &files::png().repeat(10)).await.refusal(), (413, "FILE_TOO_LARGE"));
        media.all_deleted().await;
        media.uploaded(ALICE, VIDEO, &files::noise(LIMIT)).await;
    })
    .await;
}

/// Sends a request head by hand, to declare more bytes than are sent.
async fn send_head(media: &Media, length: usize) -> TcpStream {
    let address = media.sandbox.url("media");
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST {VIDEO} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {length}\r\n\
         content-type: multipart/form-data; boundary=b\r\n\r\n\
         --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n",
        media.token(ALICE)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_large_declared_size_is_refused_at_once() {
    let media = Media::start(fenz_testkit::Database::Sqlite, &[("media.max_video_bytes", "6291456")]).await;
    let mut stream = send_head(&media, 100 << 20).await;
    let mut answer = vec![0; 4096];
    let n = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut answer)).await.unwrap().unwrap();
    assert!(answer[..n].starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer[..n]));
}

#[tokio::test]
async fn interrupted_uploads_leave_nothing() {
    let settings = [("media.part_bytes", "5242880"), ("media.idle_timeout", "500ms")];
    on_each(&settings, async |media| {
        // Disconnected before the first part, and after it.
        for sent in [100_000, 11_000_000] {
            let mut stream = send_head(&media, 50 << 20).await;
            stream.write_all(&files::noise(sent)).await.unwrap();
            eventually("the upload is in progress", async || media.rows().await == 1).await;
            drop(stream);
            media.all_deleted().await;
        }
        // Idle for too long.
        let mut stream = send_head(&media, 50 << 20).await;
        stream.write_all(&files::noise(6_000_000)).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(Duration::from_secs(8), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("UPLOAD_INCOMPLETE"), "{answer}");
        media.all_deleted().await;
        // The form ends before the file.
        let mut stream = send_head(&media, 0).await;
        stream.read_to_string(&mut answer).await.unwrap();
        media.all_deleted().await;
    })
    .await;
}

#[tokio::test]
async fn quotas_apply_per_user() {
    let settings = [("media.storage_quota_bytes", "500000"), ("media.daily_quota_bytes", "700000")];
    on_each(&settings, async |media| {
        let refused = (429, "QUOTA_EXCEEDED");
        let first = media.uploaded(ALICE, VIDEO, &files::noise(400_000)).await;
        assert_eq!(media.upload(ALICE, VIDEO, &files::noise(200_000)).await.refusal(), refused);
        media.uploaded(BOB, VIDEO, &files::noise(200_000)).await;
        // A removal frees storage, but not the daily quota.
        media.claim(first, ALICE, "video", "video/1").await.unwrap();
        media.release("video/1", 0, false).await;
        media.uploaded(ALICE, VIDEO, &files::noise(200_000)).await;
        assert_eq!(media.upload(ALICE, VIDEO, &files::noise(200_000)).await.refusal(), refused);
        media.sandbox.process.clock.advance(Duration::from_secs(24 * 3600));
        media.uploaded(ALICE, VIDEO, &files::noise(100_000)).await;
    })
    .await;
}

/// A form without a length, whose second half is sent when notified.
fn halves(bytes: &[u8], resume: &Arc<Notify>) -> Form {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let (first, second, resume) = (first.to_vec(), second.to_vec(), resume.clone());
    let second = async move {
        resume.notified().await;
        Ok::<_, std::io::Error>(second)
    };
    let both = stream::once(async { Ok(first) }).chain(stream::once(second));
    Form::new().part("file", Part::stream(Body::wrap_stream(both)))
}

#[tokio::test]
async fn the_quota_applies_without_a_declared_size() {
    on_each(&[("media.storage_quota_bytes", "500000")], async |media| {
        let resume = Arc::new(Notify::new());
        let first = media.send(ALICE, VIDEO, halves(&files::noise(300_000), &resume));
        let second = async {
            eventually("the first upload is in progress", async || media.rows().await == 1).await;
            let immediately = Arc::new(Notify::new());
            immediately.notify_one();
            let second = media.send(ALICE, VIDEO, halves(&files::noise(300_000), &immediately)).await;
            resume.notify_one();
            second
        };
        let (first, second) = futures::future::join(first, second).await;
        assert_eq!((first.status, second.refusal()), (StatusCode::OK, (429, "QUOTA_EXCEEDED")));
    })
    .await;
}

#[tokio::test]
async fn the_quota_is_checked_again_at_the_end() {
    let settings = [("media.part_bytes", "5242880"), ("media.daily_quota_bytes", "20000000")];
    on_each(&settings, async |media| {
        let resume = Arc::new(Notify::new());
        let upload = media.send(ALICE, VIDEO, halves(&files::noise(12_000_000), &resume));
        let used_up = async {
            // The quota was sufficient at the start: a part is being sent.
            let parts = "SELECT COUNT(*) AS n FROM uploads WHERE multipart_id IS NOT NULL";
            eventually("the upload is in progress", async || media.number(parts).await == 1).await;
            let day = media.sandbox.process.clock.unix() / 86_400;
            media.execute(&format!("INSERT INTO daily_usage VALUES ({ALICE}, {day}, 15000000)")).await;
            resume.notify_one();
        };
        let (upload, ()) = futures::future::join(upload, used_up).await;
        assert_eq!(upload.refusal(), (429, "QUOTA_EXCEEDED"));
        media.all_deleted().await;
    })
    .await;
}

#[tokio::test]
async fn failed_uploads_count_as_sent() {
    on_each(&[("media.daily_quota_bytes", "700000")], async |media| {
        let part = || Part::bytes(files::noise(400_000)).file_name("a.mp4");
        let twice = Form::new().part("file", part()).part("file", Part::text("x"));
        assert_eq!(media.send(ALICE, VIDEO, twice).await.refusal(), (400, "INVALID_PARAMS"));
        let refused = media.send(ALICE, VIDEO, Form::new().part("file", part())).await;
        assert_eq!(refused.refusal(), (429, "QUOTA_EXCEEDED"));
        media.all_deleted().await;
        media.uploaded(ALICE, VIDEO, &files::noise(200_000)).await;
    })
    .await;
}

#[tokio::test]
async fn one_user_does_not_block_others() {
    let settings = [("media.uploads_at_once", "1"), ("media.uploads_per_user", "1")];
    let media = Media::start(fenz_testkit::Database::Sqlite, &settings).await;
    let another = async || media.upload(ALICE, VIDEO, &files::noise(10_000)).await;
    let idle = Mutex::new(None);
    eventually("the second upload is refused", async || {
        // No byte of the file is sent. The connection may have been refused, so each
        // attempt opens a new one.
        idle.lock().unwrap().take();
        let stream = send_head(&media, 50 << 20).await;
        *idle.lock().unwrap() = Some(stream);
        tokio::time::sleep(Duration::from_millis(50)).await;
        another().await.refusal() == (503, "UNAVAILABLE")
    })
    .await;
    media.uploaded(BOB, VIDEO, &files::noise(10_000)).await;
    drop(idle);
    eventually("the first upload has ended", async || another().await.status == StatusCode::OK).await;
}

#[tokio::test]
async fn concurrent_uploads_are_limited() {
    let media = Media::start(fenz_testkit::Database::Sqlite, &[("media.uploads_at_once", "1")]).await;
    let mut first = send_head(&media, 50 << 20).await;
    first.write_all(&files::noise(100_000)).await.unwrap();
    eventually("the first upload is in progress", async || media.rows().await == 1).await;
    let second = media.upload(BOB, VIDEO, &files::noise(10_000)).await;
    assert_eq!(second.refusal(), (503, "UNAVAILABLE"));
    drop(first);
    media.all_deleted().await;
    media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
}
