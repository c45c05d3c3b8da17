//! Clients that speak HTTP/2.

use std::{convert::Infallible, time::Duration};

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use http::Request;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::fleet::FleetBuilder;

const PLAY: &str = "/media/1/2/3/4";

#[tokio::test]
async fn a_client_that_keeps_a_stream_shut_releases_the_upstream_body_and_keeps_its_connection() {
    let dropped = CancellationToken::new();
    let on_drop = dropped.clone();
    let endless = async move || {
        let (playing, chunk) = (on_drop.clone().drop_guard(), Bytes::from(vec![7; 1 << 16]));
        Body::from_stream(futures::stream::repeat_with(move || {
            let _dropped_with_the_body = &playing;
            Ok::<_, Infallible>(chunk.clone())
        }))
    };
    let router = Router::new().route("/media/{a}/{b}/{c}/{d}", get(endless));
    let fleet = FleetBuilder::media(router).and("gateway.server.write_timeout", "500ms").start().await;
    let stream = TcpStream::connect(fleet.address()).await.unwrap();
    let mut builder = h2::client::Builder::new();
    // Only the stream's window is shut, not that of the connection.
    let (mut requests, connection): (_, h2::client::Connection<_, Bytes>) =
        builder.initial_connection_window_size(1 << 20).handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut send = |path: &str| {
        let request = Request::get(format!("{}{path}", fleet.url)).body(()).unwrap();
        requests.send_request(request, true).unwrap().0
    };
    // Never read: its window stays shut.
    let response = send(PLAY).await.unwrap();
    assert_eq!(response.status(), 200);
    tokio::time::timeout(Duration::from_secs(10), dropped.cancelled()).await.expect("the upstream's body is dropped");
    assert_eq!(send("/readyz").await.unwrap().status(), 200);
}
