//! Rate limits of one gateway.

use std::sync::Arc;

use axum::Router;
use fenz_core::Role;
use fenz_testkit::{Client, Reply, eventually};
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
};

use super::fleet::FleetBuilder;

async fn passed(client: &Client, from: &str, times: usize) -> usize {
    let mut passed = 0;
    for _ in 0..times {
        let request = client.request(Method::GET, "/api/v1/videos").header("x-forwarded-for", from);
        passed += usize::from(Reply::of(request).await.status == 200);
    }
    passed
}

fn limited() -> FleetBuilder {
    FleetBuilder::set("gateway.rate_limit.anonymous_per_minute", "3").and("gateway.rate_limit.user_per_minute", "6")
}

#[tokio::test]
async fn addresses_and_users_have_limits_of_their_own() {
    let fleet = limited().and("gateway.trusted_proxies", "127.0.0.1").start().await;
    assert_eq!(passed(&fleet.client, "192.0.2.1", 8).await, 3);
    assert_eq!(passed(&fleet.client, "192.0.2.2", 8).await, 3);
    for role in [Role::User, Role::Admin] {
        assert_eq!(passed(&fleet.client_as(role), "192.0.2.1", 9).await, 6);
    }
    // Media routes are not limited.
    for _ in 0..9 {
        let media = fleet.client.request(Method::GET, "/media/1/2/3/4").header("x-forwarded-for", "192.0.2.1");
        Reply::of(media).await.expect(200);
    }
}

#[tokio::test]
async fn a_rate_limit_error_has_retry_after() {
    let fleet = limited().start().await;
    // Without trusted proxies the header changes nothing.
    assert_eq!(passed(&fleet.client, "192.0.2.1", 2).await + passed(&fleet.client, "192.0.2.2", 4).await, 3);
    let reply = fleet.client.get("videos").await;
    reply.refused(429, "RATE_LIMITED");
    let header: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=20).contains(&header), "{header}");
    assert_eq!(reply.detail("ErrorInfo")["metadata"]["retryAfterSeconds"], header.to_string());
}

#[tokio::test]
async fn invalid_tokens_count_as_anonymous() {
    let fleet = limited().start().await;
    let mut seen = Vec::new();
    for i in 0..5 {
        seen.push(fleet.client.with_token(format!("guess-{i}")).get("user/me").await.status);
    }
    assert_eq!(seen, [401, 401, 401, 429, 429]);
}

#[tokio::test]
async fn requests_without_a_route_count() {
    for (method, path, status) in [(Method::GET, "/api/v1/nothing", 404), (Method::DELETE, "/api/v1/videos", 405)] {
        let fleet = limited().start().await;
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(Reply::of(fleet.client.request(method.clone(), path)).await.status);
        }
        assert_eq!(seen, [status, status, status, 429, 429]);
    }
}

#[tokio::test]
async fn zero_is_unlimited() {
    let fleet = FleetBuilder::set("gateway.rate_limit.anonymous_per_minute", "0").start().await;
    assert_eq!(passed(&fleet.client, "192.0.2.1", 150).await, 150);
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let fleet = FleetBuilder::set("gateway.connections_per_address", "5").start().await;
    let ask = async |mut stream: TcpStream| {
        let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let mut reply = String::new();
        stream.write_all(request).await.ok();
        stream.read_to_string(&mut reply).await.ok();
        reply.starts_with("HTTP/1.1 200 ")
    };
    // Those of this test's own client are among them.
    let mut idle = Vec::new();
    for _ in 0..5 {
        idle.push(TcpStream::connect(fleet.address()).await.unwrap());
    }
    assert!(!ask(TcpStream::connect(fleet.address()).await.unwrap()).await);
    drop(idle);
    eventually(async || ask(TcpStream::connect(fleet.address()).await.unwrap()).await).await;
}

/// The connections are the proxy's, the requests are those of its clients.
#[tokio::test]
async fn behind_a_proxy_an_address_has_so_many_open_requests() {
    let (opened, release) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (entered, released) = (opened.clone(), release.clone());
    let slow = move || {
        let (entered, released) = (entered.clone(), released.clone());
        async move {
            entered.add_permits(1);
            released.acquire().await.unwrap().forget();
            "{}"
        }
    };
    let fleet = FleetBuilder::content(Router::new().fallback(slow))
        .and("gateway.connections_per_address", "3")
        .and("gateway.trusted_proxies", "127.0.0.1")
        .start()
        .await;
    let get =
        |from: &str| Reply::of(fleet.client.request(Method::GET, "/api/v1/videos").header("x-forwarded-for", from));
    let open = async {
        let replies = futures::future::join_all((0..3).map(|_| get("192.0.2.1"))).await;
        assert!(replies.iter().all(|reply| reply.status == 200));
    };
    let others = async {
        opened.acquire_many(3).await.unwrap().forget();
        get("192.0.2.1").await.refused(429, "RATE_LIMITED");
        let other = async {
            get("192.0.2.2").await.expect(200);
        };
        let releasing = async {
            opened.acquire().await.unwrap().forget();
            release.add_permits(5);
        };
        tokio::join!(other, releasing);
    };
    tokio::join!(open, others);
    get("192.0.2.1").await.expect(200);
}
