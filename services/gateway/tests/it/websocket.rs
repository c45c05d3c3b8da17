//! WebSocket: the handshake is checked like any request, then bytes are copied.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{Response, StatusCode},
    routing::get,
};
use fenz_chassis::error_response;
use fenz_core::{Error, Reason, Role};
use fenz_testkit::{Reply, eventually};
use hyper_util::rt::TokioIo;
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::fleet::{Fleet, FleetBuilder};

const PUBLIC: &str = "/api/v1/videos/1";
const PRIVATE: &str = "/api/v1/user/me";
const RAW: &str = "/media/1/2/3/4";
const PATTERN: &str = "/media/{a}/{b}/{c}/{d}";

/// Accepts every handshake, sends the headers that it received, then echoes.
async fn echo(mut request: Request) -> Response<Body> {
    let seen = format!("{:?}\n", request.headers());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgrade.await.unwrap());
        stream.write_all(seen.as_bytes()).await.unwrap();
        let mut buffer = [0; 1024];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            if buffer[..length].starts_with(b"bye") || stream.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
        stream.shutdown().await.ok();
    });
    let answer = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    let answer = answer.header("connection", "Upgrade").header("upgrade", "websocket");
    answer.header("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=").body(Body::empty()).unwrap()
}

fn echoing() -> FleetBuilder {
    FleetBuilder::content(Router::new().fallback(echo))
}

/// A client's side, after the handshake was sent.
struct Client {
    stream: TcpStream,
    head: String,
}

impl Client {
    async fn connect(fleet: &Fleet, path: &str, more: &str) -> Self {
        let mut stream = TcpStream::connect(fleet.address()).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: fenz\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut client = Self { stream, head: String::new() };
        while !client.head.ends_with("\r\n\r\n") {
            let byte = client.within(async |stream| stream.read_u8().await.unwrap()).await;
            client.head.push(byte.into());
        }
        client
    }

    async fn within<T>(&mut self, act: impl AsyncFnOnce(&mut TcpStream) -> T) -> T {
        tokio::time::timeout(Duration::from_secs(10), act(&mut self.stream)).await.expect("in time")
    }

    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    /// The headers of the handshake as the upstream received them.
    async fn received_headers(&mut self) -> String {
        self.within(async |stream| {
            let mut line = Vec::new();
            while line.last() != Some(&b'\n') {
                line.push(stream.read_u8().await.unwrap());
            }
            String::from_utf8(line).unwrap()
        })
        .await
    }

    async fn send_and_expect_echo(&mut self, text: &str) {
        self.within(async |stream| {
            stream.write_all(text.as_bytes()).await.unwrap();
            let mut answer = vec![0; text.len()];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, text.as_bytes());
        })
        .await;
    }

    /// Waits for the end of the connection.
    async fn expect_end(&mut self) {
        self.within(async |stream| {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.ok();
            assert!(rest.is_empty(), "{rest:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn bytes_are_copied_both_ways_until_a_side_ends() {
    let fleet = echoing().start().await;
    let mut client = Client::connect(&fleet, PUBLIC, "x-fenz-client-address: 198.51.100.1\r\n").await;
    assert_eq!(client.status(), "101");
    let head = client.head.to_lowercase();
    for line in
        ["connection: upgrade\r\n", "upgrade: websocket\r\n", "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="]
    {
        assert_eq!(head.matches(line).count(), 1, "{line} in {head}");
    }
    let seen = client.received_headers().await;
    assert!(seen.contains("\"sec-websocket-key\": \"dGhlIHNhbXBsZSBub25jZQ==\""), "{seen}");
    assert!(seen.contains("\"x-fenz-client-address\": \"127.0.0.1\"") && !seen.contains("keep-alive"), "{seen}");
    for text in ["one", "two", &"long ".repeat(20_000)[..700]] {
        client.send_and_expect_echo(text).await;
    }
    // The upstream closes first.
    client.stream.write_all(b"bye").await.unwrap();
    client.expect_end().await;
    // The client closes first.
    let mut client = Client::connect(&fleet, PUBLIC, "").await;
    client.received_headers().await;
    client.stream.shutdown().await.unwrap();
    client.expect_end().await;
}

#[tokio::test]
async fn data_sent_with_the_handshake_is_not_lost() {
    let fleet = echoing().start().await;
    let mut stream = TcpStream::connect(fleet.address()).await.unwrap();
    let request =
        format!("GET {PUBLIC} HTTP/1.1\r\nhost: fenz\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nearly");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = String::new();
    while !seen.ends_with("early") {
        let byte = tokio::time::timeout(Duration::from_secs(10), stream.read_u8()).await.unwrap().unwrap();
        seen.push(byte.into());
    }
}

#[tokio::test]
async fn access_and_rate_limits_apply() {
    let plan = FleetBuilder::set("gateway.rate_limit.anonymous_per_minute", "3")
        .and("gateway.rate_limit.user_per_minute", "2");
    let fleet = FleetBuilder { content: Some(Router::new().fallback(echo)), ..plan }.start().await;
    assert_eq!(Client::connect(&fleet, PRIVATE, "").await.status(), "401");
    assert_eq!(Client::connect(&fleet, PRIVATE, "authorization: Bearer guess\r\n").await.status(), "401");
    assert_eq!(Client::connect(&fleet, PUBLIC, "").await.status(), "101");
    assert_eq!(Client::connect(&fleet, PUBLIC, "").await.status(), "429");
    let token = format!("authorization: Bearer {}\r\n", fleet.token(Role::User));
    for status in ["101", "101", "429"] {
        assert_eq!(Client::connect(&fleet, PUBLIC, &token).await.status(), status);
    }
}

#[tokio::test]
async fn an_upstream_can_reject_the_handshake() {
    let refuse = async |request: Request| {
        assert_eq!(request.headers()["upgrade"], "websocket");
        error_response(Error::new(Reason::PermissionDenied, "not for you"))
    };
    let fleet = FleetBuilder::content(Router::new().fallback(refuse)).start().await;
    let mut client = Client::connect(&fleet, PUBLIC, "").await;
    assert_eq!(client.status(), "403");
    // The connection stays usable for HTTP.
    let length =
        client.head.to_lowercase().split("content-length: ").nth(1).unwrap().split('\r').next().unwrap().parse();
    let mut body = vec![0; length.unwrap()];
    client.within(async |stream| stream.read_exact(&mut body).await.unwrap()).await;
    assert!(String::from_utf8(body).unwrap().contains("PERMISSION_DENIED"));
    let again = format!("GET {RAW} HTTP/1.1\r\nhost: fenz\r\n\r\n");
    client.stream.write_all(again.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    client.within(async |stream| stream.read_exact(&mut answer).await.unwrap()).await;
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[tokio::test]
async fn an_unexpected_upgrade_is_a_bad_gateway() {
    let fleet = echoing().start().await;
    assert_eq!(fleet.client.status(PUBLIC).await, 502);
    // Upgrades to other protocols are not forwarded.
    let other = fleet.client.request(Method::GET, PUBLIC).header("connection", "upgrade").header("upgrade", "h2c");
    Reply::of(other).await.expect(502);
    assert_eq!(fleet.client.status(RAW).await, 200);
}

#[tokio::test]
async fn a_service_that_is_down_is_unavailable_for_handshakes_too() {
    let fleet = FleetBuilder { without_content: true, ..FleetBuilder::default() }.start().await;
    for _ in 0..6 {
        assert_eq!(Client::connect(&fleet, PUBLIC, "").await.status(), "503");
    }
    // The circuit is open now.
    assert!(Client::connect(&fleet, PUBLIC, "").await.head.to_lowercase().contains("retry-after: 1"));
}

#[tokio::test]
async fn an_idle_tunnel_is_closed_and_a_slow_one_is_not() {
    let router = Router::new().route(PATTERN, get(echo));
    let fleet = FleetBuilder::media(router).and("gateway.idle_timeout", "1500ms").start().await;
    let mut client = Client::connect(&fleet, RAW, "").await;
    client.received_headers().await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        client.send_and_expect_echo("still here").await;
    }
    client.expect_end().await;
}

#[tokio::test]
async fn the_number_of_tunnels_is_limited_and_closing_one_frees_its_permit() {
    let fleet = echoing().and("gateway.server.max_connections", "3").start().await;
    // The listener's limit does not count these: they have switched protocols.
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(Client::connect(&fleet, PUBLIC, "").await);
        assert_eq!(open.last().unwrap().status(), "101");
    }
    assert_eq!(Client::connect(&fleet, PUBLIC, "").await.status(), "503");
    open.pop();
    eventually(async || Client::connect(&fleet, PUBLIC, "").await.status() == "101").await;
}

#[tokio::test]
async fn tunnels_are_closed_on_shutdown() {
    let fleet = echoing().start().await;
    let mut client = Client::connect(&fleet, PUBLIC, "").await;
    client.received_headers().await;
    client.send_and_expect_echo("before").await;
    let (stopped, ()) =
        tokio::join!(tokio::time::timeout(Duration::from_secs(10), fleet.sandbox.stop()), client.expect_end());
    stopped.expect("it stops in time");
}
