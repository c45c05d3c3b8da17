//! Bodies are streamed in both directions.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use fenz_chassis::error_response;
use fenz_core::{Error, Reason, Role};
use fenz_testkit::Reply;
use futures::StreamExt;
use reqwest::Method;
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::fleet::FleetBuilder;

const PLAY: &str = "/media/1/2/3/4";
const PATTERN: &str = "/media/{a}/{b}/{c}/{d}";
const UPLOAD: &str = "/api/v1/upload/video";

fn body(chunks: mpsc::Receiver<&'static str>) -> reqwest::Body {
    reqwest::Body::wrap_stream(ReceiverStream::new(chunks).map(Ok::<_, Infallible>))
}

#[tokio::test]
async fn each_chunk_arrives_before_the_next_is_sent() {
    let echo = Router::new().route(UPLOAD, post(async |request: Request| Body::new(request.into_body())));
    let fleet = FleetBuilder::media(echo).start().await;
    let (send, chunks) = mpsc::channel(1);
    send.send("first").await.unwrap();
    let request = fleet.client_as(Role::User).request(Method::POST, UPLOAD).body(body(chunks));
    let mut answer = request.send().await.unwrap().bytes_stream();
    // If anything buffered whole bodies, this would never complete.
    for next in ["second", "third"] {
        let seen = tokio::time::timeout(Duration::from_secs(10), answer.next()).await.unwrap().unwrap().unwrap();
        assert!(!seen.is_empty());
        send.send(next).await.unwrap();
    }
    assert_eq!(answer.next().await.unwrap().unwrap(), "third");
    drop(send);
    assert!(answer.next().await.is_none());
}

#[tokio::test]
async fn an_error_reaches_the_client_during_its_upload() {
    let refuse = async |request: Request| {
        let mut bytes = request.into_body().into_data_stream();
        let mut seen = 0;
        while let Some(Ok(chunk)) = bytes.next().await {
            seen += chunk.len();
            if seen > 1 << 20 {
                break;
            }
        }
        error_response(Error::new(Reason::FileTooLarge, "too large"))
    };
    let fleet = FleetBuilder::media(Router::new().route(UPLOAD, post(refuse))).start().await;
    for _ in 0..20 {
        let chunk = bytes::Bytes::from(vec![7; 1 << 16]);
        let endless = futures::stream::repeat_with(move || Ok::<_, Infallible>(chunk.clone())).take(16 << 4);
        let upload = reqwest::Body::wrap_stream(endless);
        let request = fleet.client_as(Role::User).request(Method::POST, UPLOAD).body(upload);
        Reply::of(request).await.refused(413, "FILE_TOO_LARGE");
    }
}

#[tokio::test]
async fn a_large_upload_arrives_whole() {
    let count = async |request: Request| {
        let length = request.headers().get("content-length").map(|v| v.to_str().unwrap().to_owned());
        let mut bytes = request.into_body().into_data_stream();
        let mut seen = 0;
        while let Some(chunk) = bytes.next().await {
            seen += chunk.unwrap().len();
        }
        format!("{seen} {length:?}")
    };
    let fleet = FleetBuilder::media(Router::new().route(UPLOAD, post(count))).start().await;
    let upload = fleet.client_as(Role::User).request(Method::POST, UPLOAD).body(vec![1; 32 << 20]);
    assert_eq!(Reply::of(upload).await.body, format!("{} {:?}", 32 << 20, Some("33554432")));
}

#[tokio::test]
async fn range_and_head_requests_pass() {
    let play = async |headers: HeaderMap| {
        let range = headers["range"].to_str().unwrap().to_owned();
        let answer = [("content-range", "bytes 0-3/10"), ("etag", "\"x\""), ("cache-control", "private, max-age=60")];
        (StatusCode::PARTIAL_CONTENT, answer, range)
    };
    let fleet = FleetBuilder::media(Router::new().route(PATTERN, get(play))).start().await;
    let part = async |method| Reply::of(fleet.client.request(method, PLAY).header("range", "bytes=0-3")).await;
    let reply = part(Method::GET).await;
    reply.expect(206);
    assert_eq!(reply.header("content-range"), "bytes 0-3/10");
    assert_eq!(reply.header("cache-control"), "private, max-age=60");
    assert_eq!(part(Method::HEAD).await.expect(206).header("content-length"), "9");
}

#[tokio::test]
async fn an_idle_response_is_closed() {
    let stall = async || {
        Body::from_stream(futures::stream::iter([Ok::<_, Infallible>("some")]).chain(futures::stream::pending()))
    };
    let mut plan = FleetBuilder::media(Router::new().route(PATTERN, get(stall)));
    plan = plan.and("gateway.idle_timeout", "2s");
    let fleet = plan.start().await;
    let mut answer = fleet.client.request(Method::GET, PLAY).send().await.unwrap().bytes_stream();
    assert_eq!(answer.next().await.unwrap().unwrap(), "some");
    let end = tokio::time::timeout(Duration::from_secs(10), answer.next()).await.unwrap();
    assert!(end.unwrap().is_err());
}

#[tokio::test]
async fn an_idle_upload_fails_and_a_slow_one_does_not() {
    let count = async |request: Request| {
        axum::body::to_bytes(request.into_body(), 1 << 20).await.map(|b| b.len().to_string()).unwrap_or_default()
    };
    let plan = FleetBuilder::media(Router::new().route(UPLOAD, post(count))).and("gateway.idle_timeout", "1500ms");
    let fleet = plan.and("gateway.server.request_timeout", "1s").start().await;
    let upload = |chunks| Reply::of(fleet.client_as(Role::User).request(Method::POST, UPLOAD).body(body(chunks)));
    let (send, chunks) = mpsc::channel(1);
    let slow = upload(chunks);
    let feed = async move {
        for _ in 0..8 {
            send.send("1234").await.unwrap();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    let (answer, ()) = tokio::join!(slow, feed);
    assert_eq!(answer.body, 32);
    let (send, chunks) = mpsc::channel(1);
    send.send("1234").await.unwrap();
    let still = tokio::time::timeout(Duration::from_secs(10), upload(chunks)).await.unwrap();
    still.refused(400, "UPLOAD_INCOMPLETE");
}

#[tokio::test]
async fn the_response_to_an_upload_may_take_longer_than_the_idle_timeout() {
    let store = async |request: Request| {
        let length = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap().len();
        tokio::time::sleep(Duration::from_secs(3)).await;
        length.to_string()
    };
    let plan = FleetBuilder::media(Router::new().route(UPLOAD, post(store))).and("gateway.idle_timeout", "1s");
    let fleet = plan.start().await;
    let upload = || fleet.client_as(Role::User).request(Method::POST, UPLOAD);
    let (send, chunks) = mpsc::channel(1);
    send.send("1234").await.unwrap();
    drop(send);
    let (sized, chunked) = tokio::join!(Reply::of(upload().body("12")), Reply::of(upload().body(body(chunks))));
    assert_eq!((sized.body, chunked.body), (json!(2), json!(4)));
}

#[tokio::test]
async fn a_client_that_stops_reading_releases_the_upstream_body() {
    let dropped = CancellationToken::new();
    let on_drop = dropped.clone();
    let endless = async move || {
        let (playing, chunk) = (on_drop.clone().drop_guard(), bytes::Bytes::from(vec![7; 1 << 16]));
        Body::from_stream(futures::stream::repeat_with(move || {
            let _dropped_with_the_body = &playing;
            Ok::<_, Infallible>(chunk.clone())
        }))
    };
    let router = Router::new().route(PATTERN, get(endless));
    let fleet = FleetBuilder::media(router).and("gateway.server.write_timeout", "500ms").start().await;
    let mut player = TcpStream::connect(fleet.address()).await.unwrap();
    player.write_all(format!("GET {PLAY} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    player.readable().await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), dropped.cancelled()).await.expect("the upstream's body is dropped");
}
