//! Expired rows are deleted.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::fleet::{Fleet, PASSWORD, on_every_database};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Waits for the job, which runs at every start.
async fn wait_for_rows(fleet: &Fleet, table: &str, rows: u64) {
    for _ in 0..100 {
        if fleet.count(table).await == rows {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(fleet.count(table).await, rows, "{table}");
}

#[tokio::test]
async fn only_expired_rows_are_deleted() {
    on_every_database(&[], async |fleet| {
        let token = fleet.token_of("ann").await;
        fleet.as_user(&token, Method::PUT, "user/email", json!({"email": "new@example.com"})).await.is(200);
        fleet.login("nobody", "wrong password").await.is(401);
        let kept = fleet.login("ann", PASSWORD).await.is(200);
        let ended = fleet.login("ann", PASSWORD).await.is(200);
        fleet.as_user(ended.text("accessToken"), Method::POST, "auth/logout", json!({})).await.is(200);
        fleet.sandbox.process.clock.advance(20 * DAY);
        let kept = fleet.refresh(kept.text("refreshToken")).await.is(200);
        fleet.start_again(&[]).await;
        // The ended session was deleted; ann's first has not expired yet.
        wait_for_rows(&fleet, "sessions", 2).await;
        for table in ["one_time_tokens", "login_failures"] {
            wait_for_rows(&fleet, table, 0).await;
        }
        fleet.sandbox.process.clock.advance(11 * DAY);
        fleet.start_again(&[]).await;
        wait_for_rows(&fleet, "sessions", 1).await;
        wait_for_rows(&fleet, "refresh_tokens", 1).await;
        fleet.refresh(kept.text("refreshToken")).await.is(200);
    })
    .await;
}
