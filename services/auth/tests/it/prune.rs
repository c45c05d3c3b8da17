//! Expired rows are deleted.

use std::time::Duration;

use fenz_auth::Auth;
use fenz_testkit::PASSWORD;
use serde_json::json;

use crate::fleet::on_every_database;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn only_expired_rows_are_deleted() {
    on_every_database(&[], async |fleet| {
        let ann = fleet.user("ann").await;
        ann.put("user/email", &json!({"email": "new@example.com", "password": PASSWORD})).await.expect(200);
        fleet.client.login("nobody", "wrong password").await.expect(401);
        let kept = fleet.client.login("ann", PASSWORD).await;
        let ended = fleet.client.login("ann", PASSWORD).await;
        fleet.client.signed_in(&ended).post("auth/logout", &json!({})).await.expect(200);
        fleet.sandbox.process.clock.advance(20 * DAY);
        let kept = fleet.refresh(kept.text("refreshToken")).await;
        // The job runs at every start.
        fleet.sandbox.start_replica::<Auth>().await.unwrap();
        // The ended session was deleted; ann's first has not expired yet.
        fleet.wait_for_count("sessions", 2).await;
        for table in ["one_time_tokens", "login_failures"] {
            fleet.wait_for_count(table, 0).await;
        }
        fleet.sandbox.process.clock.advance(11 * DAY);
        fleet.sandbox.start_replica::<Auth>().await.unwrap();
        fleet.wait_for_count("sessions", 1).await;
        fleet.wait_for_count("refresh_tokens", 1).await;
        fleet.refresh(kept.text("refreshToken")).await.expect(200);
    })
    .await;
}
