//! POST auth/register.

use fenz_testkit::{Database, PASSWORD, Reply};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::fleet::{Fleet, on_every_database, token_part};

#[tokio::test]
async fn an_account_comes_with_its_session() {
    on_every_database(&[], async |fleet| {
        let body = json!({
            "username": "Ann_1", "email": "Ann@Example.com", "password": PASSWORD, "displayName": "Ann \u{1f600} 安",
            "sessionId": "guest-0123456789",
        });
        let reply = fleet.client.post("auth/register", &body).await;
        let user = &reply.ok("user");
        assert_eq!(
            [&user["username"], &user["displayName"], &user["email"], &user["role"], &user["avatarUrl"]],
            ["Ann_1", "Ann \u{1f600} 安", "Ann@Example.com", "user", ""]
        );
        assert_eq!((&user["isHidden"], &reply.ok("expiresIn")), (&json!(false), &json!(900)));
        let claims = token_part(reply.text("accessToken"), 1);
        assert_eq!(
            (&claims["sub"], &claims["sid"], &claims["role"]),
            (&user["id"], &reply.ok("sessionId"), &json!("user"))
        );
        let me = fleet.client.signed_in(&reply).get("user/me").await;
        assert_eq!(&me.ok("user"), user);
        // The username is the default display name.
        assert_eq!(fleet.client.register("ben").await.ok("user")["displayName"], "ben");
    })
    .await;
}

#[tokio::test]
async fn names_and_addresses_are_taken_whatever_their_case() {
    on_every_database(&[], async |fleet| {
        fleet.client.register("ann").await.expect(200);
        let register = async |name: &str, email: &str| {
            fleet.client.post("auth/register", &json!({"username": name, "email": email, "password": PASSWORD})).await
        };
        assert_eq!(register("ANN", "other@example.com").await.refused(409, "USERNAME_TAKEN").field(), "username");
        assert_eq!(register("other", "ANN@example.COM").await.refused(409, "EMAIL_TAKEN").field(), "email");
        register("other", "other@example.com").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn of_twenty_concurrent_registrations_of_a_name_one_succeeds() {
    on_every_database(&[], async |fleet| {
        let tries = (0..20).map(|i| {
            let email = format!("ann{i}@example.com");
            let body = json!({"username": "ann", "email": email, "password": PASSWORD});
            let client = &fleet.client;
            async move { client.post("auth/register", &body).await }
        });
        let replies = join_all(tries).await;
        assert_eq!(replies.iter().filter(|r| r.status == 200).count(), 1, "{replies:?}");
        assert_eq!(replies.iter().filter(|r| r.reason() == "USERNAME_TAKEN").count(), 19, "{replies:?}");
        for (table, rows) in [("users", 2), ("sessions", 1), ("refresh_tokens", 1)] {
            assert_eq!(fleet.sandbox.count("auth", table).await, rows, "{table}");
        }
    })
    .await;
}

#[tokio::test]
async fn weak_passwords_and_blank_names_are_refused() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    let register = async |password: &str, display: &str| {
        let body = json!({"username": "ann_the_first", "email": "a@example.com", "password": password, "displayName": display});
        fleet.client.post("auth/register", &body).await
    };
    for weak in ["password1", "Ann_The_First", "11111111"] {
        assert_eq!(register(weak, "").await.refused(400, "PASSWORD_TOO_WEAK").field(), "password");
    }
    assert_eq!(register("short", "").await.refused(400, "INVALID_PARAMS").field(), "password");
    assert_eq!(register(PASSWORD, "  ").await.refused(400, "INVALID_PARAMS").field(), "displayName");
    register("ann_the_first!", "").await.expect(200);
}

#[tokio::test]
async fn registration_can_be_closed_or_by_invitation() {
    let closed = Fleet::start(Database::Sqlite, &[("registration", "closed")]).await;
    closed.client.register("ann").await.refused(403, "REGISTRATION_CLOSED");
    let settings = [("registration", "invitation"), ("invitation_codes", "come-in, and-you")];
    let invited = Fleet::start(Database::Sqlite, &settings).await;
    invited.client.register("ann").await.refused(403, "INVITATION_INVALID");
    let with = async |code: &str| {
        let body = json!({"username": "ann", "email": "ann@example.com", "password": PASSWORD, "invitationCode": code});
        invited.client.post("auth/register", &body).await
    };
    assert_eq!(with("come-in, and-you").await.refused(403, "INVITATION_INVALID").field(), "invitationCode");
    with("and-you").await.expect(200);
}

#[tokio::test]
async fn invalid_tokens_are_ignored_on_public_routes() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    let bad = fleet.client.with_token("rubbish");
    bad.register("ann").await.expect(200);
    bad.login("ann", PASSWORD).await.expect(200);
    Reply::of(bad.request(Method::GET, "/.well-known/jwks.json")).await.expect(200);
}
