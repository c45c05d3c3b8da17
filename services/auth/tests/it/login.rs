//! POST auth/login.

use std::time::{Duration, Instant};

use fenz_testkit::{Database, PASSWORD, Reply};
use futures::future::join_all;
use serde_json::Value;

use crate::fleet::{ADMIN_PASSWORD, Fleet, on_every_database};

#[tokio::test]
async fn a_login_by_username_or_address_opens_a_session() {
    on_every_database(&[], async |fleet| {
        let registered = fleet.client.register("Ann").await;
        fleet.client.login("Ann\0", PASSWORD).await.refused(400, "INVALID_PARAMS");
        // No database takes another spelling for the same name.
        for name in ["\u{1f600}@", "' OR 1=1 --", "ann ", "ann  ", " ann", "ann@example.com ", "\u{e4}nn"] {
            fleet.client.login(name, PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
        }
        for name in ["Ann", "aNN", "ANN@example.com"] {
            let reply = fleet.client.login(name, PASSWORD).await;
            assert_eq!(reply.ok("user"), registered.ok("user"));
            assert_ne!(reply.text("sessionId"), registered.text("sessionId"));
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_get_the_same_answer() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    fleet.client.register("ann").await.expect(200);
    let wrong = fleet.client.login("ann", "wrong password").await;
    wrong.refused(401, "INVALID_CREDENTIALS");
    let unknown = fleet.client.login("nobody", "wrong password").await;
    unknown.refused(401, "INVALID_CREDENTIALS");
    assert_eq!(wrong.body, unknown.body);
}

/// Without the dummy hash the unknown name would be a hundred times faster.
#[tokio::test]
async fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let settings = [("hash.memory_kib", "65536"), ("hash.iterations", "3")];
    let fleet = Fleet::start(Database::Sqlite, &settings).await;
    fleet.client.register("ann").await.expect(200);
    let login = async |i: u8, name: &str| {
        let started = Instant::now();
        fleet.login_from(&format!("10.0.0.{i}"), name, "wrong password").await.expect(401);
        started.elapsed()
    };
    let (mut wrong, mut unknown) = (Duration::MAX, Duration::MAX);
    // In turn, and more often while other tests slow some of them down.
    for i in 0..40 {
        wrong = wrong.min(login(i, "ann").await);
        unknown = unknown.min(login(i, "nobody").await);
        if i >= 5 && unknown * 3 > wrong && wrong * 3 > unknown {
            return;
        }
    }
    panic!("{wrong:?} for a wrong password, {unknown:?} for no account");
}

#[tokio::test]
async fn failures_cause_growing_delays_and_a_success_resets_them() {
    on_every_database(&[("throttle.first_wait", "60s")], async |fleet| {
        fleet.client.register("ann").await.expect(200);
        let clock = &fleet.sandbox.process.clock;
        let wait = |reply: &Reply| {
            let header = reply.header("retry-after");
            assert_eq!(reply.detail("ErrorInfo")["metadata"]["retryAfterSeconds"], header);
            header.parse::<u64>().unwrap()
        };
        for _ in 0..5 {
            fleet.login_from("10.0.0.1", "ann", "wrong password").await.refused(401, "INVALID_CREDENTIALS");
        }
        // Neither the right password nor another case of the name helps.
        let first = wait(fleet.login_from("10.0.0.1", "ann", PASSWORD).await.refused(429, "RATE_LIMITED"));
        assert!((40..=60).contains(&first), "{first}");
        fleet.login_from("10.0.0.1", "ANN", PASSWORD).await.refused(429, "RATE_LIMITED");
        // Other names and other addresses are not affected.
        fleet.login_from("10.0.0.2", "ann", PASSWORD).await.expect(200);
        fleet.login_from("10.0.0.1", "admin", ADMIN_PASSWORD).await.expect(200);
        for seconds in [120, 240] {
            clock.advance(Duration::from_secs(seconds));
            fleet.login_from("10.0.0.1", "ann", "wrong password").await.refused(401, "INVALID_CREDENTIALS");
            let refused = fleet.login_from("10.0.0.1", "ann", PASSWORD).await;
            refused.refused(429, "RATE_LIMITED");
            assert!((seconds - 20..=seconds).contains(&wait(&refused)), "{:?}", refused.headers);
        }
        clock.advance(Duration::from_secs(241));
        fleet.login_from("10.0.0.1", "ann", PASSWORD).await.expect(200);
        // The count was reset.
        for _ in 0..4 {
            fleet.login_from("10.0.0.1", "ann", "wrong password").await.refused(401, "INVALID_CREDENTIALS");
        }
        fleet.login_from("10.0.0.1", "ann", PASSWORD).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn unknown_names_are_throttled_too() {
    let fleet = Fleet::start(Database::Sqlite, &[("throttle.first_wait", "60s")]).await;
    for _ in 0..5 {
        fleet.client.login("nobody", "wrong password").await.refused(401, "INVALID_CREDENTIALS");
    }
    fleet.client.login("nobody", "wrong password").await.refused(429, "RATE_LIMITED");
}

/// More guesses than one spelling has.
#[tokio::test]
async fn all_spellings_of_a_name_and_the_address_have_one_budget() {
    on_every_database(&[("throttle.first_wait", "60s")], async |fleet| {
        fleet.client.register("ann").await.expect(200);
        let spellings = ["ann", "ANN", "ann@example.com", "Ann@Example.com", "Ann"];
        for name in spellings {
            fleet.login_from("10.0.0.1", name, "wrong password").await.refused(401, "INVALID_CREDENTIALS");
        }
        for name in spellings {
            fleet.login_from("10.0.0.1", name, PASSWORD).await.refused(429, "RATE_LIMITED");
        }
        let mut verified = 0;
        for spaces in 0..40 {
            let name = format!("ann{}", " ".repeat(spaces));
            let guess = fleet.login_from("10.0.0.2", &name, PASSWORD).await;
            verified += usize::from(guess.status == 200);
        }
        assert_eq!(verified, 1, "spellings that find the account");
    })
    .await;
}

/// Guesses from many networks are throttled for all of them, but not before ten times
/// as many as from one: no single client locks out the owner. Names that do not exist
/// behave the same.
#[tokio::test]
async fn an_account_has_a_tenfold_budget_for_all_addresses() {
    on_every_database(&[("throttle.first_wait", "60s"), ("throttle.free_failures", "2")], async |fleet| {
        fleet.client.register("ann").await.expect(200);
        let guess_from = async |networks: std::ops::Range<u8>, name: &str| {
            for network in networks {
                let address = format!("10.0.{network}.1");
                for _ in 0..2 {
                    fleet.login_from(&address, name, "wrong password").await.refused(401, "INVALID_CREDENTIALS");
                }
                fleet.login_from(&address, name, "wrong password").await.refused(429, "RATE_LIMITED");
            }
        };
        guess_from(0..9, "ann").await;
        // The success resets the account's count.
        fleet.login_from("10.9.9.9", "ann", PASSWORD).await.expect(200);
        guess_from(20..30, "ann").await;
        guess_from(20..30, "nobody").await;
        for name in ["ann", "ann@example.com", "nobody"] {
            fleet.login_from("10.9.9.9", name, PASSWORD).await.refused(429, "RATE_LIMITED");
        }
        fleet.login_from("10.9.9.9", "admin", ADMIN_PASSWORD).await.expect(200);
        fleet.sandbox.process.clock.advance(Duration::from_secs(61));
        fleet.login_from("10.9.9.9", "ann", PASSWORD).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn concurrent_guesses_are_throttled() {
    on_every_database(&[("throttle.first_wait", "60s")], async |fleet| {
        fleet.client.register("ann").await.expect(200);
        let replies = join_all((0..50).map(|i| {
            let guess = format!("wrong password {i}");
            let fleet = &fleet;
            async move { fleet.client.login("ann", &guess).await }
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
        fleet.client.register("ann").await.expect(200);
        for reply in join_all((0..30).map(|_| fleet.client.login("ann", PASSWORD))).await {
            reply.expect(200);
        }
    })
    .await;
}

#[tokio::test]
async fn imported_bcrypt_hashes_verify_and_are_replaced() {
    on_every_database(&[], async |fleet| {
        fleet.client.register("ann").await.expect(200);
        let bcrypt = bcrypt::hash("an older password", 4).unwrap();
        fleet
            .sandbox
            .execute("auth", &format!("UPDATE users SET password_hash = '{bcrypt}' WHERE username = 'ann'"))
            .await;
        fleet.client.login("ann", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
        // Concurrently: the first replaces the hash during the others.
        for reply in join_all((0..4).map(|_| fleet.client.login("ann", "an older password"))).await {
            reply.expect(200);
        }
        let db = fleet.sandbox.database("auth").await;
        let stored = sea_orm::Statement::from_string(
            sea_orm::ConnectionTrait::get_database_backend(&db),
            "SELECT password_hash FROM users WHERE username = 'ann'",
        );
        let row = sea_orm::ConnectionTrait::query_one_raw(&db, stored).await.unwrap().unwrap();
        let hash: String = row.try_get("", "password_hash").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        fleet.client.login("ann", "an older password").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn hidden_and_banned_are_revealed_only_with_the_right_password() {
    on_every_database(&[], async |fleet| {
        let session = fleet.client.register("ann").await;
        fleet.sandbox.execute("auth", "UPDATE users SET hidden_reasons = 2 WHERE username = 'ann'").await;
        fleet.client.login("ann", "wrong password").await.refused(401, "INVALID_CREDENTIALS");
        fleet.client.login("ann", PASSWORD).await.refused(403, "USER_HIDDEN");
        fleet.refresh(session.text("refreshToken")).await.refused(403, "USER_HIDDEN");
        fleet
            .sandbox
            .execute(
                "auth",
                "UPDATE users SET hidden_reasons = 0, banned_until = '2099-01-01 00:00:00' WHERE username = 'ann'",
            )
            .await;
        let banned = fleet.client.login("ann", PASSWORD).await;
        banned.refused(403, "USER_BANNED");
        assert_eq!(banned.detail("ErrorInfo")["metadata"]["until"], Value::from("2099-01-01T00:00:00Z"));
        fleet
            .sandbox
            .execute("auth", "UPDATE users SET banned_until = '2020-01-01 00:00:00' WHERE username = 'ann'")
            .await;
        fleet.client.login("ann", PASSWORD).await.expect(200);
    })
    .await;
}
