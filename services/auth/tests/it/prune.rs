//! Expired rows are deleted.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::fleet::{PASSWORD, on_every_database};

const DAY: Duration = Duration::from_secs(24 * 3600);

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
        // The job runs at every start.
        fleet.start_again(&[]).await;
        // The ended session was deleted; ann's first has not expired yet.
        fleet.wait_for_count("sessions", 2).await;
        for table in ["one_time_tokens", "login_failures"] {
            fleet.wait_for_count(table, 0).await;
        }
        fleet.sandbox.process.clock.advance(11 * DAY);
        fleet.start_again(&[]).await;
        fleet.wait_for_count("sessions", 1).await;
        fleet.wait_for_count("refresh_tokens", 1).await;
        fleet.refresh(kept.text("refreshToken")).await.is(200);
    })
    .await;
}
