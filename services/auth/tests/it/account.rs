//! user/*: the own account.

use std::time::Duration;

use fenz_testkit::{Client, Database, PASSWORD};
use reqwest::Method;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value, json};

use crate::fleet::{ADMIN_PASSWORD, Fleet, on_every_database};

#[tokio::test]
async fn changes_require_the_current_version() {
    on_every_database(&[], async |fleet| {
        let ann = fleet.user("ann").await;
        let rename = async |name: &str, version: &str| {
            ann.put_if_match("user/display-name", version, &json!({"displayName": name})).await
        };
        let before = ann.get("user/me").await;
        assert_eq!(before.header("etag"), "\"1\"");
        let renamed = rename("Ann B.", before.header("etag")).await;
        assert_eq!((renamed.header("etag"), renamed.ok("user")["displayName"].as_str()), ("\"2\"", Some("Ann B.")));
        rename("lost", before.header("etag")).await.refused(412, "VERSION_MISMATCH");
        rename("lost", "W/\"1\"").await.refused(412, "VERSION_MISMATCH");
        rename("Ann C.", "\"7\", W/\"2\"").await.expect(200);
        rename("Ann D.", "*").await.expect(200);
        ann.put("user/display-name", &json!({"displayName": "Ann E."})).await.expect(200);
        assert_eq!(ann.get("user/me").await.ok("user")["displayName"], "Ann E.");
        rename("\t ", "*").await.refused(400, "INVALID_PARAMS");
    })
    .await;
}

#[tokio::test]
async fn a_password_change_requires_the_current_one_and_ends_other_sessions() {
    on_every_database(&[("throttle.first_wait", "60s")], async |fleet| {
        let (here, there) = (fleet.client.register("ann").await, fleet.client.login("ann", PASSWORD).await);
        let ann = fleet.client.signed_in(&here);
        let change = async |current: &str, new: &str| {
            let body = json!({"currentPassword": current, "newPassword": new});
            ann.put("user/password", &body).await
        };
        assert_eq!(
            change("wrong", "another good one").await.refused(401, "INVALID_CREDENTIALS").field(),
            "currentPassword"
        );
        assert_eq!(change(PASSWORD, "password1").await.refused(400, "PASSWORD_TOO_WEAK").field(), "newPassword");
        change(PASSWORD, "another good one").await.expect(200);
        ann.get("user/me").await.expect(200);
        fleet.refresh(here.text("refreshToken")).await.expect(200);
        fleet.client.signed_in(&there).get("user/me").await.refused(401, "TOKEN_INVALID");
        fleet.client.login("ann", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
        fleet.client.login("ann", "another good one").await.expect(200);
        // Guessing the current one is throttled, logins stay possible.
        for _ in 0..5 {
            change("wrong", "yet another good one").await.refused(401, "INVALID_CREDENTIALS");
        }
        change("another good one", "yet another good one").await.refused(429, "RATE_LIMITED");
        fleet.client.login("ann", "another good one").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn an_address_changes_once_it_is_confirmed() {
    on_every_database(&[], async |fleet| {
        let (ann, ben) = (fleet.user("ann").await, fleet.user("ben").await);
        let put = async |email: &str| ann.put("user/email", &json!({"email": email, "password": PASSWORD})).await;
        let confirm = async |who: &Client, with: &str| who.post("user/email/confirm", &json!({"token": with})).await;
        assert_eq!(put("BEN@example.com").await.refused(409, "EMAIL_TAKEN").field(), "email");
        let first = put("first@example.com").await;
        assert_eq!((&first.ok("user")["email"], &first.ok("expiresIn")), (&json!("ann@example.com"), &json!(3600)));
        let second = put("second@example.com").await;
        // A new token replaces the previous one; other users cannot use it.
        confirm(&ann, first.text("token")).await.refused(401, "TOKEN_INVALID");
        confirm(&ben, second.text("token")).await.refused(401, "TOKEN_INVALID");
        let confirmed = confirm(&ann, second.text("token")).await;
        assert_eq!(confirmed.ok("user")["email"], "second@example.com");
        confirm(&ann, second.text("token")).await.refused(401, "TOKEN_INVALID");
        fleet.client.login("second@example.com", PASSWORD).await.expect(200);
        fleet.client.login("ann@example.com", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");

        let taken_meanwhile = put("cleo@example.com").await;
        fleet.client.register("cleo").await.expect(200);
        confirm(&ann, taken_meanwhile.text("token")).await.refused(409, "EMAIL_TAKEN");
        let late = put("late@example.com").await;
        let session = fleet.client.login("ann", PASSWORD).await;
        fleet.sandbox.process.clock.advance(Duration::from_secs(3601));
        let session = fleet.refresh(session.text("refreshToken")).await;
        confirm(&fleet.client.signed_in(&session), late.text("token")).await.refused(401, "TOKEN_INVALID");
    })
    .await;
}

/// Who has only the session of somebody cannot take the account over.
#[tokio::test]
async fn a_change_of_the_address_requires_the_password() {
    on_every_database(&[("throttle.first_wait", "60s")], async |fleet| {
        let (ann, admin) = (fleet.user("ann").await, fleet.admin().await);
        let put = async |password: &str, email: &str| {
            ann.put("user/email", &json!({"email": email, "password": password})).await
        };
        let missing = ann.put("user/email", &json!({"email": "new@example.com"})).await;
        assert_eq!(missing.refused(400, "INVALID_PARAMS").field(), "password");
        put(&"x".repeat(129), "new@example.com").await.refused(400, "INVALID_PARAMS");
        // Nor does it say which addresses have an account.
        for email in ["new@example.com", "admin@localhost", "new@example.com", "new@example.com", "new@example.com"] {
            let refused = put("wrong password", email).await;
            assert_eq!(refused.refused(401, "INVALID_CREDENTIALS").field(), "password");
        }
        put(PASSWORD, "new@example.com").await.refused(429, "RATE_LIMITED");
        assert_eq!(fleet.sandbox.count("auth", "one_time_tokens").await, 0);
        fleet.client.login("ann", PASSWORD).await.expect(200);
        // Administrators change others' addresses without it, and not their own.
        let change = json!({"email": "changed@example.com"});
        admin.put(&format!("admin/users/{}", ann.user()), &change).await.expect(200);
        let own = format!("admin/users/{}", admin.user());
        admin.put(&own, &json!({"email": "new@example.com"})).await.refused(403, "PERMISSION_DENIED");
        admin.post(&format!("{own}/password-reset"), &json!({})).await.refused(403, "PERMISSION_DENIED");
        admin.put(&own, &json!({"email": "admin@localhost", "displayName": "A."})).await.expect(200);
        fleet.sandbox.process.clock.advance(Duration::from_secs(61));
        put(PASSWORD, "new@example.com").await.expect(200);
    })
    .await;
}

/// A session may end while the password is verified: the change waits for the account,
/// whose row is locked here until the session has ended.
#[tokio::test]
async fn nothing_is_changed_once_the_session_has_ended() {
    on_every_database(&[], async |fleet| {
        let id = fleet.client.register("ann").await.id("user");
        let reset = format!("admin/users/{id}/password-reset");
        let (ann, admin) = (("ann", PASSWORD), ("admin", ADMIN_PASSWORD));
        let changes = [
            (ann, Method::PUT, "user/email", json!({"email": "new@example.com", "password": PASSWORD})),
            (
                ann,
                Method::PUT,
                "user/password",
                json!({"currentPassword": PASSWORD, "newPassword": "another good one"}),
            ),
            (admin, Method::POST, reset.as_str(), json!({})),
        ];
        for ((name, password), method, path, body) in changes {
            let session = fleet.client.login(name, password).await;
            let db = fleet.sandbox.database("auth").await;
            let txn = db.begin().await.unwrap();
            let lock = "UPDATE users SET updated_at = updated_at WHERE username = 'ann'";
            txn.execute_unprepared(lock).await.unwrap();
            let end = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let end = "UPDATE sessions SET ended_at = created_at WHERE id =";
                txn.execute_unprepared(&format!("{end} '{}'", session.text("sessionId"))).await.unwrap();
                txn.commit().await.unwrap();
            };
            let caller = fleet.client.signed_in(&session);
            let (reply, ()) = tokio::join!(caller.send(method, path, &body), end);
            reply.refused(401, "TOKEN_INVALID");
            assert_eq!(fleet.sandbox.count("auth", "one_time_tokens").await, 0, "{path}");
            fleet.client.login("ann", PASSWORD).await.expect(200);
        }
    })
    .await;
}

#[tokio::test]
async fn missing_and_invalid_tokens_have_different_reasons() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    let session = fleet.client.register("ann").await;
    let ann = fleet.client.signed_in(&session);
    let user_routes = [
        (Method::GET, "user/me"),
        (Method::PUT, "user/display-name"),
        (Method::PUT, "user/password"),
        (Method::PUT, "user/avatar"),
        (Method::PUT, "user/email"),
        (Method::POST, "user/email/confirm"),
        (Method::POST, "auth/logout"),
        (Method::POST, "auth/logout-all"),
        (Method::GET, "auth/sessions"),
        (Method::DELETE, "auth/sessions/nothing"),
        (Method::POST, "admin/users/1/password-reset"),
    ];
    // {"alg":"none"} and the claims of a good token
    let none = format!("eyJhbGciOiJub25lIn0.{}.", session.text("accessToken").split('.').nth(1).unwrap());
    for (method, path) in user_routes {
        fleet.client.send(method.clone(), path, &Value::Null).await.refused(401, "UNAUTHENTICATED");
        for bad in [none.as_str(), "rubbish"] {
            fleet.client.with_token(bad).send(method.clone(), path, &Value::Null).await.refused(401, "TOKEN_INVALID");
        }
    }
    ann.post("admin/users/1/password-reset", &json!({})).await.refused(403, "ADMIN_REQUIRED");
    fleet.sandbox.process.clock.advance(Duration::from_secs(901));
    ann.get("user/me").await.refused(401, "TOKEN_EXPIRED");
}
