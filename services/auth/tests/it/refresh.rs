//! POST auth/refresh.

use std::time::Duration;

use fenz_testkit::PASSWORD;
use futures::future::join_all;

use crate::fleet::{on_every_database, token_part};

#[tokio::test]
async fn a_refresh_returns_a_new_pair_of_the_same_session() {
    on_every_database(&[], async |fleet| {
        let first = fleet.client.register("ann").await;
        fleet.sandbox.process.clock.advance(Duration::from_secs(20 * 60));
        fleet.client.signed_in(&first).get("user/me").await.refused(401, "TOKEN_EXPIRED");
        let second = fleet.refresh(first.text("refreshToken")).await;
        assert_eq!(second.text("sessionId"), first.text("sessionId"));
        assert_eq!(token_part(second.text("accessToken"), 1)["sid"], first.ok("sessionId"));
        assert_ne!(second.text("refreshToken"), first.text("refreshToken"));
        fleet.client.signed_in(&second).get("user/me").await.expect(200);
        fleet.refresh(second.text("refreshToken")).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_token_used_twice_ends_its_session_and_no_other() {
    on_every_database(&[], async |fleet| {
        let first = fleet.client.register("ann").await;
        let other = fleet.client.login("ann", PASSWORD).await;
        let second = fleet.refresh(first.text("refreshToken")).await;
        fleet.refresh(first.text("refreshToken")).await.refused(401, "TOKEN_INVALID");
        // Neither the attacker nor the user can continue the session.
        fleet.refresh(second.text("refreshToken")).await.refused(401, "TOKEN_INVALID");
        fleet.client.signed_in(&second).get("user/me").await.refused(401, "TOKEN_INVALID");
        fleet.client.signed_in(&other).get("user/me").await.expect(200);
        fleet.refresh(other.text("refreshToken")).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn of_twenty_concurrent_refreshes_one_succeeds() {
    on_every_database(&[], async |fleet| {
        let session = fleet.client.register("ann").await;
        let replies = join_all((0..20).map(|_| fleet.refresh(session.text("refreshToken")))).await;
        assert_eq!(replies.iter().filter(|r| r.status == 200).count(), 1, "{replies:?}");
        assert_eq!(replies.iter().filter(|r| r.reason() == "TOKEN_INVALID").count(), 19, "{replies:?}");
        let won = replies.iter().find(|r| r.status == 200).unwrap();
        fleet.client.signed_in(won).get("user/me").await.refused(401, "TOKEN_INVALID");
    })
    .await;
}

#[tokio::test]
async fn unknown_and_expired_tokens_are_refused_alike() {
    on_every_database(&[("refresh_ttl", "1h")], async |fleet| {
        let session = fleet.client.register("ann").await;
        for rubbish in ["x", session.text("accessToken")] {
            if rubbish.len() <= 256 {
                fleet.refresh(rubbish).await.refused(401, "TOKEN_INVALID");
            }
        }
        fleet.sandbox.process.clock.advance(Duration::from_secs(3601));
        fleet.refresh(session.text("refreshToken")).await.refused(401, "TOKEN_INVALID");
        fleet.client.login("ann", PASSWORD).await.expect(200);
    })
    .await;
}
