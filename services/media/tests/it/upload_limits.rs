//! How many uploads there may be at once, and how slow they may be.

use std::{sync::Mutex, time::Duration};

use fenz_testkit::{PNG, Reply, eventually};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    files,
    harness::*,
    raw_upload::{send_head, send_head_from},
};

#[tokio::test]
async fn one_user_does_not_block_others() {
    let settings = [("media.uploads_at_once", "1"), ("media.uploads_per_user", "1")];
    let media = Media::on_sqlite(&settings).await;
    let another = async || media.client(ALICE).upload(VIDEO, &files::noise(10_000)).await;
    let idle = Mutex::new(None);
    eventually(async || {
        // No byte of the file is sent. The connection may have been refused, so each
        // attempt opens a new one.
        idle.lock().unwrap().take();
        let stream = send_head(&media, ALICE, 50 << 20).await;
        *idle.lock().unwrap() = Some(stream);
        tokio::time::sleep(Duration::from_millis(50)).await;
        another().await.reason() == "UNAVAILABLE"
    })
    .await;
    media.uploaded(BOB, VIDEO, &files::noise(10_000)).await;
    drop(idle);
    eventually(async || another().await.status == 200).await;
}

#[tokio::test]
async fn concurrent_uploads_are_limited() {
    let media = Media::on_sqlite(&[("media.uploads_at_once", "1")]).await;
    let mut first = send_head(&media, ALICE, 50 << 20).await;
    first.write_all(&files::noise(100_000)).await.unwrap();
    eventually(async || media.count("uploads").await == 1).await;
    let second = media.client(BOB).upload(VIDEO, &files::noise(10_000)).await;
    second.refused(503, "UNAVAILABLE");
    drop(first);
    media.all_deleted().await;
    // Its place is free only after its row is deleted, perhaps by the sweeper.
    eventually(async || media.client(ALICE).upload(VIDEO, &files::noise(10_000)).await.status == 200).await;
}

/// An upload that has a place and keeps it.
async fn open_upload(media: &Media, user: i64, address: &str) -> TcpStream {
    let before = media.count("uploads").await;
    let mut stream = send_head_from(media, user, Some(address), 50 << 20).await;
    stream.write_all(&files::noise(100_000)).await.unwrap();
    eventually(async || media.count("uploads").await == before + 1).await;
    stream
}

async fn upload_from(media: &Media, user: i64, address: &str) -> Reply {
    let form = Form::new().part("file", Part::bytes(PNG).file_name("a.png"));
    let request = media.client(user).request(Method::POST, "/api/v1/upload/thumbnail");
    Reply::of(request.header("x-fenz-client-address", address).multipart(form)).await
}

#[tokio::test]
async fn no_user_has_more_than_a_quarter_and_no_address_more_than_half_of_the_places() {
    let media = Media::on_sqlite(&[("media.uploads_at_once", "8"), ("media.uploads_per_user", "8")]).await;
    let mut open = Vec::new();
    for user in [ALICE, ALICE, BOB, BOB] {
        open.push(open_upload(&media, user, "192.0.2.1").await);
    }
    upload_from(&media, ALICE, "192.0.2.2").await.refused(503, "UNAVAILABLE");
    let third = BOB + 1;
    let refused = upload_from(&media, third, "192.0.2.1").await;
    assert_eq!(refused.refused(503, "UNAVAILABLE").header("retry-after"), "10");
    upload_from(&media, third, "192.0.2.2").await.expect(200);
    drop(open);
    eventually(async || upload_from(&media, third, "192.0.2.1").await.status == 200).await;
}

#[tokio::test]
async fn an_upload_below_the_least_rate_ends() {
    let settings = [("media.min_upload_rate", "20000"), ("media.min_upload_rate_period", "1s")];
    on_each(&settings, async |media| {
        let mut slow = send_head(&media, ALICE, 50 << 20).await;
        slow.write_all(&files::noise(100_000)).await.unwrap();
        let (mut answer, mut stream) = slow.split();
        // Never idle, and too slow: the first second alone is free.
        let trickle = async {
            while stream.write_all(&[0; 500]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let mut head = vec![0; 8192];
        let answered = tokio::select! {
            read = answer.read(&mut head) => String::from_utf8_lossy(&head[..read.unwrap()]).into_owned(),
            () = trickle => panic!("closed without an answer"),
        };
        assert!(answered.starts_with("HTTP/1.1 408") && answered.contains("UPLOAD_TOO_SLOW"), "{answered}");
        assert!(answered.contains("\"minBytesPerSecond\":\"20000\""), "{answered}");
        media.all_deleted().await;
        // Four seconds at 250,000 bytes a second.
        let form = files::slowly(&files::noise(1_000_000), 50_000, Duration::from_millis(200));
        media.client(ALICE).upload_form(VIDEO, form).await.expect(200);
    })
    .await;
}
