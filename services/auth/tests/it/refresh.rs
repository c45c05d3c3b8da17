//! POST auth/refresh.

use std::time::Duration;

use futures::future::join_all;

use crate::fleet::{PASSWORD, claims, on_every_database};

#[tokio::test]
async fn a_refresh_returns_a_new_pair_of_the_same_session() {
    on_every_database(&[], async |fleet| {
        let first = fleet.register("ann").await.is(200);
        fleet.sandbox.process.clock.advance(Duration::from_secs(20 * 60));
        fleet.get(first.text("accessToken"), "user/me").await.refuses(401, "TOKEN_EXPIRED");
        let second = fleet.refresh(first.text("refreshToken")).await.is(200);
        assert_eq!(second.text("sessionId"), first.text("sessionId"));
        assert_eq!(claims(second.text("accessToken"))["sid"], first.body["sessionId"]);
        assert_ne!(second.text("refreshToken"), first.text("refreshToken"));
        fleet.get(second.text("accessToken"), "user/me").await.is(200);
        fleet.refresh(second.text("refreshToken")).await.is(200);
    })
    .await;
}

#[tokio::test]
async fn a_token_used_twice_ends_its_session_and_no_other() {
    on_every_database(&[], async |fleet| {
        let first = fleet.register("ann").await.is(200);
        let other = fleet.login("ann", PASSWORD).await.is(200);
        let second = fleet.refresh(first.text("refreshToken")).await.is(200);
        fleet.refresh(first.text("refreshToken")).await.refuses(401, "TOKEN_INVALID");
        // Neither the attacker nor the user can continue the session.
        fleet.refresh(second.text("refreshToken")).await.refuses(401, "TOKEN_INVALID");
        fleet.get(second.text("accessToken"), "user/me").await.refuses(401, "TOKEN_INVALID");
        fleet.get(other.text("accessToken"), "user/me").await.is(200);
        fleet.refresh(other.text("refreshToken")).await.is(200);
    })
    .await;
}

#[tokio::test]
async fn of_twenty_concurrent_refreshes_one_succeeds() {
    on_every_database(&[], async |fleet| {
        let session = fleet.register("ann").await.is(200);
        let replies = join_all((0..20).map(|_| fleet.refresh(session.text("refreshToken")))).await;
        assert_eq!(replies.iter().filter(|r| r.status == 200).count(), 1, "{replies:?}");
        assert_eq!(replies.iter().filter(|r| r.reason() == "TOKEN_INVALID").count(), 19, "{replies:?}");
        let won = replies.iter().find(|r| r.status == 200).unwrap();
        fleet.get(won.text("accessToken"), "user/me").await.refuses(401, "TOKEN_INVALID");
    })
    .await;
}

#[tokio::test]
async fn unknown_and_expired_tokens_are_refused_alike() {
    on_every_database(&[("refresh_ttl", "1h")], async |fleet| {
        let session = fleet.register("ann").await.is(200);
        for rubbish in ["x", session.text("accessToken")] {
            if rubbish.len() <= 256 {
                fleet.refresh(rubbish).await.refuses(401, "TOKEN_INVALID");
            }
        }
        fleet.sandbox.process.clock.advance(Duration::from_secs(3601));
        fleet.refresh(session.text("refreshToken")).await.refuses(401, "TOKEN_INVALID");
        fleet.login("ann", PASSWORD).await.is(200);
    })
    .await;
}
