//! What has no end of its own ends when the gateway drains.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{Response, StatusCode},
    response::IntoResponse,
    routing::get,
};
use fenz_chassis::server::LongLived;
use fenz_core::Role;
use futures::{StreamExt, stream};
use hyper_util::rt::TokioIo;
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::fleet::{Fleet, FleetBuilder};

const STREAM: &str = "/api/v1/notifications/stream";
const SOON: Duration = Duration::from_secs(5);

/// A gateway before an event stream that sends these chunks and stays open.
async fn streaming(chunks: &'static [&'static str]) -> Fleet {
    let events = async move || {
        let body = stream::iter(chunks).map(|chunk| Ok::<_, Infallible>(*chunk)).chain(stream::pending());
        let mut response = ([("content-type", "text/event-stream")], Body::from_stream(body)).into_response();
        response.extensions_mut().insert(LongLived);
        response
    };
    let notification = Some(Router::new().route(STREAM, get(events)));
    FleetBuilder { notification, ..FleetBuilder::default() }.start().await
}

/// What a client receives when the gateway drains after all these bytes.
async fn received(fleet: &Fleet, sent: usize) -> String {
    let client = fleet.client.with_token(fleet.token(Role::User));
    let response = client.request(Method::GET, STREAM).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let (mut chunks, mut text) = (response.bytes_stream(), String::new());
    loop {
        if text.len() == sent {
            fleet.sandbox.process.draining.cancel();
        }
        match timeout(SOON, chunks.next()).await.expect("an end") {
            Some(chunk) => text += std::str::from_utf8(&chunk.unwrap()).unwrap(),
            None => return text,
        }
    }
}

#[tokio::test]
async fn an_event_stream_ends_with_a_hint_to_come_back() {
    let fleet = streaming(&["retry: 2000\n\n", "data: one\n", "\n"]).await;
    assert_eq!(received(&fleet, 24).await, "retry: 2000\n\ndata: one\n\nretry: 2000\n\n");
}

#[tokio::test]
async fn no_hint_is_put_into_an_event() {
    let fleet = streaming(&["retry: 2000\n\n", "data: one\n"]).await;
    assert_eq!(received(&fleet, 23).await, "retry: 2000\n\ndata: one\n");
}

/// Accepts a handshake, sends these bytes and stays open.
fn websocket(sent: &'static [u8]) -> Router {
    Router::new().fallback(async move |mut request: Request| {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let mut stream = TokioIo::new(upgrade.await.unwrap());
            stream.write_all(sent).await.unwrap();
            stream.read_to_end(&mut Vec::new()).await.ok();
        });
        let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
        response.header("connection", "Upgrade").header("upgrade", "websocket").body(Body::empty()).unwrap()
    })
}

#[tokio::test]
async fn a_websocket_is_closed_with_a_code_between_two_frames() {
    for (sent, closed) in [(&b"\x81\x02hi"[..], &b"\x88\x02\x03\xf4"[..]), (b"\x81\x05h", b"")] {
        let fleet = FleetBuilder::content(websocket(sent)).start().await;
        let mut stream = TcpStream::connect(fleet.address()).await.unwrap();
        let request = "GET /api/v1/videos/1 HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        while !received.ends_with(sent) {
            received.push(timeout(SOON, stream.read_u8()).await.expect("more").unwrap());
        }
        fleet.sandbox.process.draining.cancel();
        let mut rest = Vec::new();
        timeout(SOON, stream.read_to_end(&mut rest)).await.expect("an end").unwrap();
        assert_eq!(rest, closed);
    }
}
