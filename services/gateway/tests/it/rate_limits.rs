//! Rate limits of one gateway.

use fenz_core::Role;
use serde_json::Value;

use crate::fleet::{Fleet, FleetBuilder, error_reason};

async fn passed(fleet: &Fleet, token: Option<&str>, from: &str, times: usize) -> usize {
    let mut passed = 0;
    for _ in 0..times {
        let mut request = fleet.get("/api/v1/videos").header("x-forwarded-for", from);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        passed += usize::from(request.send().await.unwrap().status().is_success());
    }
    passed
}

fn limited() -> FleetBuilder {
    FleetBuilder::set("gateway.rate_limit.anonymous_per_minute", "3").and("gateway.rate_limit.user_per_minute", "6")
}

#[tokio::test]
async fn addresses_and_users_have_limits_of_their_own() {
    let fleet = limited().and("gateway.trusted_proxies", "127.0.0.1").start().await;
    assert_eq!(passed(&fleet, None, "192.0.2.1", 8).await, 3);
    assert_eq!(passed(&fleet, None, "192.0.2.2", 8).await, 3);
    let (user, admin) = (fleet.token(Role::User), fleet.token(Role::Admin));
    assert_eq!(passed(&fleet, Some(&user), "192.0.2.1", 9).await, 6);
    assert_eq!(passed(&fleet, Some(&admin), "192.0.2.1", 9).await, 6);
    // Media routes are not limited.
    for _ in 0..9 {
        let media = fleet.get("/media/1/2/3/4").header("x-forwarded-for", "192.0.2.1").send().await.unwrap();
        assert_eq!(media.status(), 200);
    }
}

#[tokio::test]
async fn a_rate_limit_error_has_retry_after() {
    let fleet = limited().start().await;
    // Without trusted proxies the header changes nothing.
    assert_eq!(passed(&fleet, None, "192.0.2.1", 2).await + passed(&fleet, None, "192.0.2.2", 4).await, 3);
    let response = fleet.get("/api/v1/videos").send().await.unwrap();
    assert_eq!(response.status(), 429);
    let header: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=20).contains(&header), "{header}");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["details"][0]["reason"], "RATE_LIMITED");
    assert_eq!(body["details"][0]["metadata"]["retryAfterSeconds"], header.to_string());
}

#[tokio::test]
async fn invalid_tokens_count_as_anonymous() {
    let fleet = limited().start().await;
    let mut seen = Vec::new();
    for i in 0..5 {
        let response = fleet.get("/api/v1/user/me").bearer_auth(format!("guess-{i}")).send().await.unwrap();
        seen.push(error_reason(response).await.0);
    }
    assert_eq!(seen, [401, 401, 401, 429, 429]);
}

#[tokio::test]
async fn zero_is_unlimited() {
    let fleet = FleetBuilder::set("gateway.rate_limit.anonymous_per_minute", "0").start().await;
    assert_eq!(passed(&fleet, None, "192.0.2.1", 150).await, 150);
}
