//! Services that are down, slow or broken.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    routing::{get, put},
};
use fenz_contract::routes::METHODS;
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::fleet::{Fleet, FleetBuilder, echo, error_reason, serve};

const VIDEO: &str = "/api/v1/videos/1";

async fn get_video(fleet: &Fleet) -> (u16, String) {
    error_reason(fleet.get(VIDEO).send().await.unwrap()).await
}

/// The failure counter of an upstream, over all fleets of this process.
fn failures(upstream: &str, kind: &str) -> u64 {
    let name = format!("fenz_gateway_upstream_failures_total{{upstream=\"{upstream}\",kind=\"{kind}\"}} ");
    let metrics = fenz_chassis::ops::recorder().render();
    metrics.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
}

fn unavailable() -> (u16, String) {
    (503, "UNAVAILABLE".to_owned())
}

#[tokio::test]
async fn a_service_that_is_down_is_unavailable_until_it_is_back() {
    let fleet = FleetBuilder { without_content: true, ..FleetBuilder::default() }
        .and("gateway.breaker.first_probe", "2s")
        .start()
        .await;
    for _ in 0..5 {
        assert_eq!(get_video(&fleet).await, unavailable());
    }
    let response = fleet.get(VIDEO).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(error_reason(response).await, unavailable());
    // Other services are not affected.
    assert_eq!(fleet.get("/media/1/2/3/4").send().await.unwrap().status(), 200);
    let address = fleet.sandbox.url("content");
    let listener = TcpListener::bind(address.trim_start_matches("http://")).await.unwrap();
    serve(&fleet.sandbox, listener, Router::new().fallback(echo));
    // The circuit stays open until the probe, although the service is back.
    assert_eq!(get_video(&fleet).await, unavailable());
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(fleet.get(VIDEO).send().await.unwrap().status(), 200);
    assert_eq!(fleet.get(VIDEO).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_service_without_an_address_is_unavailable() {
    let fleet = FleetBuilder::set("gateway.peers.content", "").start().await;
    let counted = || failures("content", "not_configured");
    let before = counted();
    assert_eq!(get_video(&fleet).await, unavailable());
    assert!(counted() > before);
}

#[tokio::test]
async fn a_slow_service_times_out_and_then_opens_its_circuit() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let sleep = async move || {
        count.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(60)).await;
    };
    let router = Router::new().route("/api/v1/videos/{id}", get(sleep));
    let plan = FleetBuilder::content(router).and("gateway.server.request_timeout", "200ms");
    let plan = plan.and("gateway.breaker.first_probe", "1m").and("gateway.breaker.longest_probe", "1m");
    let fleet = plan.start().await;
    for _ in 0..5 {
        assert_eq!(get_video(&fleet).await, (504, "DEADLINE_EXCEEDED".to_owned()));
    }
    let before = failures("content", "circuit_open");
    assert_eq!(get_video(&fleet).await, unavailable());
    assert_eq!(calls.load(Ordering::SeqCst), 5);
    assert!(failures("content", "circuit_open") > before);
}

#[tokio::test]
async fn a_slow_client_does_not_count_against_the_service() {
    let read = async |body: axum::body::Bytes| body.len().to_string();
    let router = Router::new().route(VIDEO, put(read).get(async || "here"));
    let fleet = FleetBuilder::content(router).and("gateway.server.request_timeout", "150ms").start().await;
    for _ in 0..6 {
        let never = reqwest::Body::wrap_stream(futures::stream::pending::<Result<&str, std::io::Error>>());
        let token = fleet.token(fenz_core::Role::User);
        let response = fleet.request(Method::PUT, VIDEO).bearer_auth(token).body(never).send().await.unwrap();
        assert_eq!(error_reason(response).await, (504, "DEADLINE_EXCEEDED".to_owned()));
    }
    assert_eq!(fleet.get(VIDEO).send().await.unwrap().status(), 200);
}

/// Serves one connection after the other, each with the next scripted reply.
async fn scripted(fleet: &Fleet, replies: &'static [&'static str]) -> Arc<AtomicUsize> {
    let address = fleet.sandbox.url("content");
    let listener = TcpListener::bind(address.trim_start_matches("http://")).await.unwrap();
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
    assert_eq!(get_video(&fleet).await, (502, "UNAVAILABLE".to_owned()));
}

#[tokio::test]
async fn only_safe_requests_are_retried() {
    let fleet = without_content().await;
    let calls = scripted(&fleet, &["", GOOD, "", GOOD]).await;
    assert_eq!(fleet.get(VIDEO).send().await.unwrap().status(), 200);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    let token = fleet.token(fenz_core::Role::User);
    let post = fleet.post("/api/v1/videos").bearer_auth(token).send().await.unwrap();
    assert_eq!(error_reason(post).await.0, 502);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn services_that_are_not_run_here_are_unavailable_and_the_rest_is_ready() {
    let fleet = FleetBuilder::set("gateway.peers.recommendation", "").and("gateway.peers.admin", "").start().await;
    let token = fleet.token(fenz_core::Role::Admin);
    for host in ["recommendation", "admin"] {
        let routes = METHODS.iter().filter(|m| m.host == host).filter_map(|m| m.rest.as_ref());
        let routes: Vec<_> = routes.collect();
        assert!(!routes.is_empty(), "{host} has no route");
        for route in routes {
            let path = route.path.split('/').map(|s| if s.starts_with('{') { "1" } else { s }).collect::<Vec<_>>();
            let request = fleet.request(route.method.parse().unwrap(), &path.join("/"));
            let response = request.bearer_auth(&token).send().await.unwrap();
            let body: serde_json::Value = response.json().await.unwrap();
            assert_eq!(body["message"], "this part of the platform is not running here", "{}", route.path);
            assert_eq!(body["details"][0]["reason"], "UNAVAILABLE");
        }
    }
    assert_eq!(fleet.get("/readyz").send().await.unwrap().status(), 200);
    assert_eq!(fleet.get(VIDEO).send().await.unwrap().status(), 200);
}
