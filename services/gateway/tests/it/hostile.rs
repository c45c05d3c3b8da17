//! Hostile clients.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use axum::{body::Body, extract::Request};
use fenz_core::Role;
use fenz_testkit::Reply;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::fleet::Fleet;

/// Sends bytes and reads until the connection ends.
async fn raw(fleet: &Fleet, request: &str) -> String {
    let mut stream = TcpStream::connect(fleet.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut reply)).await.unwrap().ok();
    String::from_utf8_lossy(&reply).into_owned()
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let fleet = Fleet::start().await;
    let mut request = String::from("GET /api/v1/videos HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for i in 0..1000 {
        write!(request, "x-{i}: 1\r\n").unwrap();
    }
    let reply = raw(&fleet, &(request + "\r\n")).await;
    assert!(reply.starts_with("HTTP/1.1 431 "), "{reply}");
    let large = format!("GET /api/v1/videos HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "a".repeat(200_000));
    let reply = raw(&fleet, &large).await;
    assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 431 "), "{reply}");
}

#[tokio::test]
async fn too_many_headers_are_refused_over_http2_too() {
    let fleet = Fleet::start().await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Body>();
    let mut request = Request::get(format!("{}/api/v1/videos", fleet.url));
    for i in 0..1000 {
        request = request.header(format!("x-{i}"), "1");
    }
    let reply = client.request(request.body(Body::empty()).unwrap()).await.map(|r| r.status().as_u16());
    assert!(matches!(reply, Err(_) | Ok(400 | 431)), "{reply:?}");
}

#[tokio::test]
async fn slow_headers_time_out() {
    let fleet = Fleet::start().await;
    let mut stream = TcpStream::connect(fleet.address()).await.unwrap();
    stream.write_all(b"GET /api/v1/videos HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let began = Instant::now();
    let mut reply = [0; 1024];
    loop {
        assert!(began.elapsed() < Duration::from_secs(15), "the connection is still open");
        let read = tokio::time::timeout(Duration::from_millis(500), stream.read(&mut reply)).await;
        match read {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(n)) => assert!(!reply[..n].starts_with(b"HTTP/1.1 200")),
            Err(_) if stream.write_all(b"x-a: b\r\n").await.is_err() => break,
            Err(_) => {}
        }
    }
}

#[tokio::test]
async fn silent_connections_time_out() {
    let fleet = Fleet::start().await;
    let silent = async |sent: &[u8]| {
        let mut stream = TcpStream::connect(fleet.address()).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let end = tokio::time::timeout(Duration::from_secs(15), stream.read(&mut [0; 64])).await;
        assert!(matches!(end, Ok(Ok(0) | Err(_))), "{sent:?}: the connection is still open");
    };
    // The last is an incomplete HTTP/2 preface.
    tokio::join!(silent(b""), silent(b"P"), silent(b"PRI * HTTP/2.0\r\n"));
}

#[tokio::test]
async fn ten_megabytes_of_json_are_refused() {
    let fleet = Fleet::start().await;
    let body = json!({"title": "a".repeat(10 << 20)});
    for _ in 0..10 {
        fleet.client_as(Role::User).post("videos", &body).await.refused(413, "BODY_TOO_LARGE");
    }
}

#[tokio::test]
async fn a_rejected_upload_gets_its_error() {
    let fleet = Fleet::start().await;
    for _ in 0..10 {
        let upload = fleet.client.request(Method::POST, "/api/v1/upload/video").body(vec![1; 8 << 20]);
        Reply::of(upload).await.refused(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn invalid_http_is_rejected() {
    let fleet = Fleet::start().await;
    for request in [
        "nonsense\r\n\r\n",
        "GET /api/v1/videos\r\n\r\n",
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n{}",
    ] {
        let reply = raw(&fleet, request).await;
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400 "), "{request} -> {reply}");
    }
    // Request smuggling: both `Content-Length` and `Transfer-Encoding`.
    let smuggle = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 50\r\n\
                   transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let reply = raw(&fleet, smuggle).await;
    assert!(!reply.contains("\"content-length\""), "{reply}");
}
