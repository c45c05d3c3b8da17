//! What can go wrong with a connection to a service.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use fenz_core::Role;
use fenz_testkit::Reply;
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::fleet::{Fleet, FleetBuilder};

const VIDEO: &str = "/api/v1/videos/1";

/// Serves one connection after the other, each with the next scripted reply.
async fn scripted(fleet: &Fleet, replies: &'static [&'static str]) -> Arc<AtomicUsize> {
    let listener = TcpListener::bind(fleet.content_address).await.unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            if stream.read(&mut buffer).await.unwrap_or(0) == 0 {
                continue;
            }
            let reply = replies[count.fetch_add(1, Ordering::SeqCst).min(replies.len() - 1)];
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    });
    calls
}

const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

async fn without_content() -> Fleet {
    FleetBuilder { without_content: true, ..FleetBuilder::default() }.start().await
}

#[tokio::test]
async fn a_reply_that_is_not_http_is_a_bad_gateway() {
    let fleet = without_content().await;
    scripted(&fleet, &["220 mail.example ESMTP\r\n"]).await;
    fleet.client.get("videos/1").await.refused(502, "UNAVAILABLE");
}

#[tokio::test]
async fn only_safe_requests_are_retried() {
    let fleet = without_content().await;
    let calls = scripted(&fleet, &["", GOOD, "", GOOD]).await;
    assert_eq!(fleet.client.status(VIDEO).await, 200);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    let post = fleet.client_as(Role::User).request(Method::POST, "/api/v1/videos");
    Reply::of(post).await.refused(502, "UNAVAILABLE");
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}
