//! What a service's handler sees, and what becomes of it.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::Version,
    response::IntoResponse,
    routing::{get, post},
};
use fenz_chassis::{request, server::LongLived};
use fenz_core::Role;
use fenz_testkit::Reply;
use futures::StreamExt;
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::fleet::FleetBuilder;

const VIDEO: &str = "/api/v1/videos/1";
const UPLOAD: &str = "/api/v1/upload/video";
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_panic_is_an_internal_error_and_tells_nothing() {
    let panics = async || -> String { panic!("a secret of the inside") };
    let fleet = FleetBuilder::content(Router::new().route("/api/v1/videos/{id}", get(panics))).start().await;
    for _ in 0..10 {
        let reply = fleet.client.get("videos/1").await;
        reply.refused(500, "INTERNAL");
        assert!(!reply.body.to_string().contains("secret"), "{}", reply.body);
    }
}

#[tokio::test]
async fn a_request_comes_from_a_loopback_address_in_its_own_context() {
    let tell = async |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request| {
        let context = request::current().unwrap();
        Json(json!({
            "peer": peer.ip().to_string(),
            "version": format!("{:?}", request.version()),
            "uri": request.uri().to_string(),
            "id": context.id,
            "span": context.trace.span_id != 0 && !request.headers()["traceparent"].is_empty(),
            "client": context.address.map(|address| address.to_string()),
            "upgradable": request.extensions().get::<hyper::upgrade::OnUpgrade>().is_some(),
        }))
    };
    let fleet = FleetBuilder::content(Router::new().fallback(tell)).start().await;
    let sent = fleet.client.request(Method::GET, &format!("{VIDEO}?a=%20b")).header("x-request-id", "client-made-1");
    let told = Reply::of(sent).await.body;
    assert_eq!(told["peer"], IpAddr::V4(Ipv4Addr::LOCALHOST).to_string());
    assert_eq!(told["version"], format!("{:?}", Version::HTTP_11));
    assert_eq!(told["uri"], "/api/v1/videos/1?a=%20b");
    assert_eq!(
        (&told["id"], &told["span"], &told["client"]),
        (&json!("client-made-1"), &json!(true), &json!("127.0.0.1"))
    );
    assert_eq!(told["upgradable"], false, "a handler has no way past the gateway");
}

/// A handler that says when it begins and when it is dropped, and never ends.
fn endless() -> (Router, mpsc::Receiver<()>, CancellationToken) {
    let (begun, begins) = mpsc::channel(1);
    let dropped = CancellationToken::new();
    let on_drop = dropped.clone();
    let wait = async move || {
        let _dropped_with_the_handler = on_drop.clone().drop_guard();
        begun.send(()).await.unwrap();
        std::future::pending::<()>().await;
    };
    (Router::new().route("/api/v1/videos/{id}", get(wait)), begins, dropped)
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_request() {
    let (router, mut begins, dropped) = endless();
    let fleet = FleetBuilder::content(router).start().await;
    let mut client = TcpStream::connect(fleet.address()).await.unwrap();
    client.write_all(format!("GET {VIDEO} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    timeout(SOON, begins.recv()).await.expect("it begins").unwrap();
    assert!(!dropped.is_cancelled());
    drop(client);
    timeout(SOON, dropped.cancelled()).await.expect("it is dropped");
}

#[tokio::test]
async fn the_deadline_cancels_a_request() {
    let (router, mut begins, dropped) = endless();
    let fleet = FleetBuilder::content(router).and("gateway.server.request_timeout", "500ms").start().await;
    fleet.client.get("videos/1").await.refused(504, "DEADLINE_EXCEEDED");
    timeout(SOON, begins.recv()).await.expect("it begins").unwrap();
    timeout(SOON, dropped.cancelled()).await.expect("it is dropped");
}

/// A handler of an upload sees that its client has left, and may tidy up.
#[tokio::test]
async fn a_handler_sees_the_end_of_half_an_upload() {
    let (tell, mut told) = mpsc::channel(1);
    let receive = async move |request: Request| {
        let mut bytes = request.into_body().into_data_stream();
        let mut seen = 0;
        while let Some(chunk) = bytes.next().await {
            match chunk {
                Ok(chunk) => seen += chunk.len(),
                Err(_) => tell.send(seen).await.unwrap(),
            }
        }
    };
    let fleet = FleetBuilder::media(Router::new().route(UPLOAD, post(receive))).start().await;
    let mut client = TcpStream::connect(fleet.address()).await.unwrap();
    let token = fleet.token(Role::User);
    let head =
        format!("POST {UPLOAD} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 10\r\n\r\n");
    client.write_all(format!("{head}half").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(client);
    assert_eq!(timeout(SOON, told.recv()).await.expect("it is told"), Some(4));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_a_whole_one() {
    let broken = async || {
        let (send, chunks) = mpsc::channel(1);
        tokio::spawn(async move {
            send.send(Ok("some")).await.unwrap();
            // The head is on its way by then.
            tokio::time::sleep(Duration::from_millis(300)).await;
            send.send(Err(io::Error::other("the disk is gone"))).await.unwrap();
        });
        Body::from_stream(ReceiverStream::new(chunks))
    };
    let fleet = FleetBuilder::media(Router::new().route("/media/{a}/{b}/{c}/{d}", get(broken))).start().await;
    let response = fleet.client.request(Method::GET, "/media/1/2/3/4").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
}

/// An event stream is one connection of the client's own: nothing comes after it.
#[tokio::test]
async fn an_open_event_stream_delivers_and_its_end_reaches_the_service() {
    let (feed, events) = mpsc::channel::<&'static str>(1);
    let events = Arc::new(Mutex::new(Some(events)));
    let stream = async move || {
        let events = events.lock().unwrap().take().unwrap();
        let body = Body::from_stream(ReceiverStream::new(events).map(Ok::<_, Infallible>));
        let mut response = ([("content-type", "text/event-stream")], body).into_response();
        response.extensions_mut().insert(LongLived);
        response
    };
    let notification = Some(Router::new().route("/api/v1/notifications/stream", get(stream)));
    let fleet = FleetBuilder { notification, ..FleetBuilder::default() }.start().await;
    let mut client = TcpStream::connect(fleet.address()).await.unwrap();
    let token = fleet.token(Role::User);
    let request =
        format!("GET /api/v1/notifications/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut received = String::new();
    for event in ["data: one\n\n", "data: two\n\n"] {
        feed.send(event).await.unwrap();
        while !received.contains(event) {
            let mut bytes = [0; 1024];
            let length = timeout(SOON, client.read(&mut bytes)).await.expect("in time").unwrap();
            assert!(length > 0, "{received}");
            received.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        }
    }
    drop(client);
    timeout(SOON, feed.closed()).await.expect("the service's side ends");
}
