//! What has expired is forgotten.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::fleet::{Fleet, PASSWORD, everywhere};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Waits for the job, which runs at every start.
async fn until_rows(fleet: &Fleet, table: &str, rows: u64) {
    for _ in 0..100 {
        if fleet.count(table).await == rows {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(fleet.count(table).await, rows, "{table}");
}

#[tokio::test]
async fn expired_rows_go_and_what_is_alive_stays() {
    everywhere(&[], async |fleet| {
        let token = fleet.token_of("ann").await;
        fleet.as_user(&token, Method::PUT, "user/email", json!({"email": "new@example.com"})).await.is(200);
        fleet.login("nobody", "wrong password").await.is(401);
        let kept = fleet.login("ann", PASSWORD).await.is(200);
        let ended = fleet.login("ann", PASSWORD).await.is(200);
        fleet.as_user(ended.text("accessToken"), Method::POST, "auth/logout", json!({})).await.is(200);
        fleet.sandbox.process.clock.advance(20 * DAY);
        let kept = fleet.refresh(kept.text("refreshToken")).await.is(200);
        fleet.start_again(&[]).await;
        // The ended one is gone, ann's first is not over yet.
        until_rows(&fleet, "sessions", 2).await;
        for table in ["one_time_tokens", "login_failures"] {
            until_rows(&fleet, table, 0).await;
        }
        fleet.sandbox.process.clock.advance(11 * DAY);
        fleet.start_again(&[]).await;
        until_rows(&fleet, "sessions", 1).await;
        until_rows(&fleet, "refresh_tokens", 1).await;
        fleet.refresh(kept.text("refreshToken")).await.is(200);
    })
    .await;
}
