//! POST auth/login.

use std::time::{Duration, Instant};

use fenz_testkit::Database;
use futures::future::join_all;
use serde_json::Value;

use crate::fleet::{Fleet, PASSWORD, on_every_database};

#[tokio::test]
async fn a_login_by_username_or_address_opens_a_session() {
    on_every_database(&[], async |fleet| {
        let registered = fleet.register("Ann").await.is(200);
        fleet.login("Ann\0", PASSWORD).await.refuses(400, "INVALID_PARAMS");
        for name in ["\u{1f600}@", "' OR 1=1 --"] {
            fleet.login(name, PASSWORD).await.refuses(401, "INVALID_CREDENTIALS");
        }
        for name in ["Ann", "aNN", "ANN@example.com"] {
            let reply = fleet.login(name, PASSWORD).await.is(200);
            assert_eq!(reply.body["user"], registered.body["user"]);
            assert_ne!(reply.text("sessionId"), registered.text("sessionId"));
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_get_the_same_answer() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    fleet.register("ann").await.is(200);
    let wrong = fleet.login("ann", "wrong password").await.refuses(401, "INVALID_CREDENTIALS");
    let unknown = fleet.login("nobody", "wrong password").await.refuses(401, "INVALID_CREDENTIALS");
    assert_eq!(wrong.body, unknown.body);
}

/// Without the dummy hash the unknown name would be a hundred times faster.
#[tokio::test]
async fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let settings = [("hash.memory_kib", "65536"), ("hash.iterations", "3")];
    let fleet = Fleet::start(Database::Sqlite, &settings).await;
    fleet.register("ann").await.is(200);
    let fastest = async |name: &str| {
        let mut best = Duration::MAX;
        for i in 0..6 {
            let started = Instant::now();
            fleet.login_from(&format!("10.0.0.{i}"), name, "wrong password").await.is(401);
            best = best.min(started.elapsed());
        }
        best
    };
    let (wrong, unknown) = (fastest("ann").await, fastest("nobody").await);
    assert!(unknown * 3 > wrong && wrong * 3 > unknown, "{wrong:?} for a wrong password, {unknown:?} for no account");
}

#[tokio::test]
async fn failures_cause_growing_delays_and_a_success_resets_them() {
    on_every_database(&[], async |fleet| {
        fleet.register("ann").await.is(200);
        let clock = &fleet.sandbox.process.clock;
        let wait = |reply: &crate::fleet::Reply| {
            let header = reply.headers["retry-after"].to_str().unwrap().to_owned();
            assert_eq!(reply.body["details"][0]["metadata"]["retryAfterSeconds"], header);
            header.parse::<u64>().unwrap()
        };
        for _ in 0..5 {
            fleet.login_from("10.0.0.1", "ann", "wrong password").await.refuses(401, "INVALID_CREDENTIALS");
        }
        // Neither the right password nor another case of the name helps.
        assert_eq!(wait(&fleet.login_from("10.0.0.1", "ann", PASSWORD).await.refuses(429, "RATE_LIMITED")), 1);
        fleet.login_from("10.0.0.1", "ANN", PASSWORD).await.refuses(429, "RATE_LIMITED");
        // Other names and other addresses are not affected.
        fleet.login_from("10.0.0.2", "ann", PASSWORD).await.is(200);
        fleet.login_from("10.0.0.1", "admin", crate::fleet::ADMIN_PASSWORD).await.is(200);
        for seconds in [2, 4] {
            clock.advance(Duration::from_secs(seconds));
            fleet.login_from("10.0.0.1", "ann", "wrong password").await.refuses(401, "INVALID_CREDENTIALS");
            let refused = fleet.login_from("10.0.0.1", "ann", PASSWORD).await.refuses(429, "RATE_LIMITED");
            assert_eq!(wait(&refused), seconds);
        }
        clock.advance(Duration::from_secs(5));
        fleet.login_from("10.0.0.1", "ann", PASSWORD).await.is(200);
        // The count was reset.
        for _ in 0..4 {
            fleet.login_from("10.0.0.1", "ann", "wrong password").await.refuses(401, "INVALID_CREDENTIALS");
        }
        fleet.login_from("10.0.0.1", "ann", PASSWORD).await.is(200);
    })
    .await;
}

#[tokio::test]
async fn unknown_names_are_throttled_too() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    for _ in 0..5 {
        fleet.login("nobody", "wrong password").await.refuses(401, "INVALID_CREDENTIALS");
    }
    fleet.login("nobody", "wrong password").await.refuses(429, "RATE_LIMITED");
}

#[tokio::test]
async fn concurrent_guesses_are_throttled() {
    on_every_database(&[("throttle.first_wait", "60s")], async |fleet| {
        fleet.register("ann").await.is(200);
        let replies = join_all((0..50).map(|i| {
            let guess = format!("wrong password {i}");
            let fleet = &fleet;
            async move { fleet.login("ann", &guess).await }
        }))
        .await;
        let verified = replies.iter().filter(|r| r.reason() == "INVALID_CREDENTIALS").count();
        // Five, and those that started before the fifth was counted.
        assert!((5..10).contains(&verified), "{verified} guesses were verified");
        assert!(replies.iter().all(|r| r.status == 401 || r.status == 429), "{replies:?}");
    })
    .await;
}

#[tokio::test]
async fn concurrent_logins_with_the_right_password_all_succeed() {
    on_every_database(&[], async |fleet| {
        fleet.register("ann").await.is(200);
        for reply in join_all((0..30).map(|_| fleet.login("ann", PASSWORD))).await {
            reply.is(200);
        }
    })
    .await;
}

#[tokio::test]
async fn imported_bcrypt_hashes_verify_and_are_replaced() {
    on_every_database(&[], async |fleet| {
        fleet.register("ann").await.is(200);
        let bcrypt = bcrypt::hash("an older password", 4).unwrap();
        fleet.sql(&format!("UPDATE users SET password_hash = '{bcrypt}' WHERE username = 'ann'")).await;
        fleet.login("ann", PASSWORD).await.refuses(401, "INVALID_CREDENTIALS");
        // Concurrently: the first replaces the hash during the others.
        for reply in join_all((0..4).map(|_| fleet.login("ann", "an older password"))).await {
            reply.is(200);
        }
        let db = fleet.db().await;
        let stored = sea_orm::Statement::from_string(
            sea_orm::ConnectionTrait::get_database_backend(&db),
            "SELECT password_hash FROM users WHERE username = 'ann'",
        );
        let row = sea_orm::ConnectionTrait::query_one_raw(&db, stored).await.unwrap().unwrap();
        let hash: String = row.try_get("", "password_hash").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        fleet.login("ann", "an older password").await.is(200);
    })
    .await;
}

#[tokio::test]
async fn hidden_and_banned_are_revealed_only_with_the_right_password() {
    on_every_database(&[], async |fleet| {
        let session = fleet.register("ann").await.is(200);
        fleet.sql("UPDATE users SET hidden_reasons = 2 WHERE username = 'ann'").await;
        fleet.login("ann", "wrong password").await.refuses(401, "INVALID_CREDENTIALS");
        fleet.login("ann", PASSWORD).await.refuses(403, "USER_HIDDEN");
        fleet.refresh(session.text("refreshToken")).await.refuses(403, "USER_HIDDEN");
        fleet
            .sql("UPDATE users SET hidden_reasons = 0, banned_until = '2099-01-01 00:00:00' WHERE username = 'ann'")
            .await;
        let banned = fleet.login("ann", PASSWORD).await.refuses(403, "USER_BANNED");
        assert_eq!(banned.body["details"][0]["metadata"]["until"], Value::from("2099-01-01T00:00:00Z"));
        fleet.sql("UPDATE users SET banned_until = '2020-01-01 00:00:00' WHERE username = 'ann'").await;
        fleet.login("ann", PASSWORD).await.is(200);
    })
    .await;
}
