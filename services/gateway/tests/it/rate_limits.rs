//! Rate limits of one gateway.

use fenz_core::Role;
use fenz_testkit::{Client, Reply};
use reqwest::Method;

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
