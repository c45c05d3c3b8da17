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
use fenz_core::Role;
use fenz_testkit::{Reply, eventually};
use futures::future::join_all;
use reqwest::Method;

use super::fleet::{Fleet, FleetBuilder, echo};

const VIDEO: &str = "/api/v1/videos/1";

async fn get_video(fleet: &Fleet) -> Reply {
    fleet.client.get("videos/1").await
}

/// The failure counter of an upstream, over all fleets of this process.
fn failures(upstream: &str, kind: &str) -> u64 {
    let name = format!("fenz_gateway_upstream_failures_total{{upstream=\"{upstream}\",kind=\"{kind}\"}} ");
    let metrics = fenz_chassis::ops::recorder().render();
    metrics.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn a_service_that_is_down_is_unavailable_until_it_is_back() {
    let fleet = FleetBuilder { without_content: true, ..FleetBuilder::default() }
        .and("gateway.breaker.first_probe", "5s")
        .and("gateway.rate_limit.anonymous_per_minute", "0")
        .start()
        .await;
    for _ in 0..5 {
        get_video(&fleet).await.refused(503, "UNAVAILABLE");
    }
    let reply = get_video(&fleet).await;
    reply.refused(503, "UNAVAILABLE");
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((3..=5).contains(&wait), "{wait}");
    // Other services are not affected.
    assert_eq!(fleet.client.status("/media/1/2/3/4").await, 200);
    fleet.start_content(Router::new().fallback(echo)).await;
    // The circuit stays open until the probe, although the service is back.
    get_video(&fleet).await.refused(503, "UNAVAILABLE");
    eventually(async || fleet.client.status(VIDEO).await == 200).await;
    assert_eq!(fleet.client.status(VIDEO).await, 200);
}

#[tokio::test]
async fn a_service_without_an_address_is_unavailable() {
    let fleet = FleetBuilder::set("gateway.peers.content", "").start().await;
    let counted = || failures("content", "not_configured");
    let before = counted();
    get_video(&fleet).await.refused(503, "UNAVAILABLE");
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
    let plan = FleetBuilder::content(router).and("gateway.server.request_timeout", "1s");
    let plan = plan.and("gateway.breaker.first_probe", "1m").and("gateway.breaker.longest_probe", "1m");
    let fleet = plan.start().await;
    for reply in join_all((0..5).map(|_| get_video(&fleet))).await {
        reply.refused(504, "DEADLINE_EXCEEDED");
    }
    let before = failures("content", "circuit_open");
    get_video(&fleet).await.refused(503, "UNAVAILABLE");
    assert_eq!(calls.load(Ordering::SeqCst), 5);
    assert!(failures("content", "circuit_open") > before);
}

#[tokio::test]
async fn a_slow_client_does_not_count_against_the_service() {
    let read = async |body: axum::body::Bytes| body.len().to_string();
    let router = Router::new().route(VIDEO, put(read).get(async || "here"));
    let fleet = FleetBuilder::content(router).and("gateway.server.request_timeout", "1s").start().await;
    let user = fleet.client_as(Role::User);
    let slow = || {
        let never = reqwest::Body::wrap_stream(futures::stream::pending::<Result<&str, std::io::Error>>());
        Reply::of(user.request(Method::PUT, VIDEO).body(never))
    };
    for reply in join_all((0..6).map(|_| slow())).await {
        reply.refused(504, "DEADLINE_EXCEEDED");
    }
    assert_eq!(fleet.client.status(VIDEO).await, 200);
}

#[tokio::test]
async fn services_that_are_not_run_here_are_unavailable_and_the_rest_is_ready() {
    let fleet = FleetBuilder::set("gateway.peers.recommendation", "").and("gateway.peers.admin", "").start().await;
    let admin = fleet.client_as(Role::Admin);
    for host in ["recommendation", "admin"] {
        let routes = METHODS.iter().filter(|m| m.host == host).filter_map(|m| m.rest.as_ref());
        let routes: Vec<_> = routes.collect();
        assert!(!routes.is_empty(), "{host} has no route");
        for route in routes {
            let path = route.path.split('/').map(|s| if s.starts_with('{') { "1" } else { s }).collect::<Vec<_>>();
            let reply = Reply::of(admin.request(route.method.parse().unwrap(), &path.join("/"))).await;
            assert_eq!(reply.body["message"], "this part of the platform is not running here", "{}", route.path);
            assert_eq!(reply.reason(), "UNAVAILABLE");
        }
    }
    assert_eq!(fleet.client.status("/readyz").await, 200);
    assert_eq!(fleet.client.status(VIDEO).await, 200);
}
