//! Password resets.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::fleet::{PASSWORD, on_every_database};

#[tokio::test]
async fn an_administrators_token_sets_a_new_password_once() {
    on_every_database(&[], async |fleet| {
        let ann = fleet.register("ann").await.is(200);
        let admin = fleet.admin_token().await;
        let create = async |id: &str| {
            fleet.as_user(&admin, Method::POST, &format!("admin/users/{id}/password-reset"), json!({})).await
        };
        let reset = async |token: &str, new: &str| {
            fleet.post("auth/password-reset", json!({"token": token, "newPassword": new})).await
        };
        create("4242").await.refuses(404, "USER_NOT_FOUND");
        let id = ann.body["user"]["id"].as_str().unwrap();
        let replaced = create(id).await.is(200);
        let made = create(id).await.is(200);
        assert_eq!(made.body["expiresIn"], 3600);
        reset(replaced.text("token"), "a brand new one").await.refuses(401, "TOKEN_INVALID");
        assert_eq!(
            reset(made.text("token"), "password1").await.refuses(400, "PASSWORD_TOO_WEAK").field(),
            "newPassword"
        );
        reset(made.text("token"), "a brand new one").await.is(200);
        reset(made.text("token"), "a brand new two").await.refuses(401, "TOKEN_INVALID");
        fleet.get(ann.text("accessToken"), "user/me").await.refuses(401, "TOKEN_INVALID");
        fleet.refresh(ann.text("refreshToken")).await.refuses(401, "TOKEN_INVALID");
        fleet.login("ann", PASSWORD).await.refuses(401, "INVALID_CREDENTIALS");
        fleet.login("ann", "a brand new one").await.is(200);
        // Of two concurrent uses one succeeds.
        let made = create(id).await.is(200);
        let (one, two) =
            tokio::join!(reset(made.text("token"), "first or second"), reset(made.text("token"), "second or first"));
        assert_eq!([one.status.as_u16(), two.status.as_u16()].iter().sum::<u16>(), 601, "{one:?} {two:?}");
        let late = create(id).await.is(200);
        fleet.sandbox.process.clock.advance(Duration::from_secs(3601));
        reset(late.text("token"), "too late for this").await.refuses(401, "TOKEN_INVALID");
    })
    .await;
}
