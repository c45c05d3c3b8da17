//! user/*: the own account.

use std::time::Duration;

use fenz_testkit::Database;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{Fleet, PASSWORD, on_every_database};

#[tokio::test]
async fn changes_require_the_current_version() {
    on_every_database(&[], async |fleet| {
        let token = fleet.token_of("ann").await;
        let bearer = format!("Bearer {token}");
        let rename = async |name: &str, if_match: &str| {
            let headers = [("authorization", bearer.as_str()), ("if-match", if_match)];
            fleet.call(Method::PUT, "/api/v1/user/display-name", &headers, &json!({"displayName": name})).await
        };
        let before = fleet.get(&token, "user/me").await.is(200);
        assert_eq!(before.etag(), "\"1\"");
        let renamed = rename("Ann B.", before.etag()).await.is(200);
        assert_eq!((renamed.etag(), renamed.body["user"]["displayName"].as_str()), ("\"2\"", Some("Ann B.")));
        rename("lost", before.etag()).await.refuses(412, "VERSION_MISMATCH");
        rename("lost", "W/\"1\"").await.refuses(412, "VERSION_MISMATCH");
        rename("Ann C.", "\"7\", W/\"2\"").await.is(200);
        rename("Ann D.", "*").await.is(200);
        fleet.as_user(&token, Method::PUT, "user/display-name", json!({"displayName": "Ann E."})).await.is(200);
        assert_eq!(fleet.get(&token, "user/me").await.body["user"]["displayName"], "Ann E.");
        rename("\t ", "*").await.refuses(400, "INVALID_PARAMS");
    })
    .await;
}

#[tokio::test]
async fn a_password_change_requires_the_current_one_and_ends_other_sessions() {
    on_every_database(&[], async |fleet| {
        let (here, there) = (fleet.register("ann").await, fleet.login("ann", PASSWORD).await);
        let token = here.text("accessToken");
        let change = async |current: &str, new: &str| {
            let body = json!({"currentPassword": current, "newPassword": new});
            fleet.as_user(token, Method::PUT, "user/password", body).await
        };
        assert_eq!(
            change("wrong", "another good one").await.refuses(401, "INVALID_CREDENTIALS").field(),
            "currentPassword"
        );
        assert_eq!(change(PASSWORD, "password1").await.refuses(400, "PASSWORD_TOO_WEAK").field(), "newPassword");
        change(PASSWORD, "another good one").await.is(200);
        fleet.get(token, "user/me").await.is(200);
        fleet.refresh(here.text("refreshToken")).await.is(200);
        fleet.get(there.text("accessToken"), "user/me").await.refuses(401, "TOKEN_INVALID");
        fleet.login("ann", PASSWORD).await.refuses(401, "INVALID_CREDENTIALS");
        fleet.login("ann", "another good one").await.is(200);
        // Guessing the current one is throttled, logins stay possible.
        for _ in 0..5 {
            change("wrong", "yet another good one").await.refuses(401, "INVALID_CREDENTIALS");
        }
        change("another good one", "yet another good one").await.refuses(429, "RATE_LIMITED");
        fleet.login("ann", "another good one").await.is(200);
    })
    .await;
}

#[tokio::test]
async fn an_address_changes_once_it_is_confirmed() {
    on_every_database(&[], async |fleet| {
        let token = fleet.token_of("ann").await;
        let ben = fleet.token_of("ben").await;
        let put = async |email: &str| fleet.as_user(&token, Method::PUT, "user/email", json!({"email": email})).await;
        let confirm = async |who: &str, with: &str| {
            fleet.as_user(who, Method::POST, "user/email/confirm", json!({"token": with})).await
        };
        assert_eq!(put("BEN@example.com").await.refuses(409, "EMAIL_TAKEN").field(), "email");
        let first = put("first@example.com").await.is(200);
        assert_eq!((&first.body["user"]["email"], &first.body["expiresIn"]), (&json!("ann@example.com"), &json!(3600)));
        let second = put("second@example.com").await.is(200);
        // A new token replaces the previous one; other users cannot use it.
        confirm(&token, first.text("token")).await.refuses(401, "TOKEN_INVALID");
        confirm(&ben, second.text("token")).await.refuses(401, "TOKEN_INVALID");
        let confirmed = confirm(&token, second.text("token")).await.is(200);
        assert_eq!(confirmed.body["user"]["email"], "second@example.com");
        confirm(&token, second.text("token")).await.refuses(401, "TOKEN_INVALID");
        fleet.login("second@example.com", PASSWORD).await.is(200);
        fleet.login("ann@example.com", PASSWORD).await.refuses(401, "INVALID_CREDENTIALS");

        let taken_meanwhile = put("cleo@example.com").await.is(200);
        fleet.register("cleo").await.is(200);
        confirm(&token, taken_meanwhile.text("token")).await.refuses(409, "EMAIL_TAKEN");
        let late = put("late@example.com").await.is(200);
        let session = fleet.login("ann", PASSWORD).await.is(200);
        fleet.sandbox.process.clock.advance(Duration::from_secs(3601));
        let session = fleet.refresh(session.text("refreshToken")).await.is(200);
        confirm(session.text("accessToken"), late.text("token")).await.refuses(401, "TOKEN_INVALID");
    })
    .await;
}

#[tokio::test]
async fn missing_and_invalid_tokens_have_different_reasons() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    let token = fleet.token_of("ann").await;
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
    let none = format!("eyJhbGciOiJub25lIn0.{}.", token.split('.').nth(1).unwrap());
    for (method, path) in user_routes {
        let anonymous = fleet.call(method.clone(), &format!("/api/v1/{path}"), &[], &Value::Null).await;
        anonymous.refuses(401, "UNAUTHENTICATED");
        for bad in [none.as_str(), "rubbish"] {
            fleet.as_user(bad, method.clone(), path, Value::Null).await.refuses(401, "TOKEN_INVALID");
        }
    }
    fleet.as_user(&token, Method::POST, "admin/users/1/password-reset", json!({})).await.refuses(403, "ADMIN_REQUIRED");
    fleet.sandbox.process.clock.advance(Duration::from_secs(901));
    fleet.get(&token, "user/me").await.refuses(401, "TOKEN_EXPIRED");
}
