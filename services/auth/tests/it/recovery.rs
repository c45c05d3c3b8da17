//! Password resets.

use std::time::Duration;

use fenz_testkit::PASSWORD;
use serde_json::json;

use crate::fleet::on_every_database;

#[tokio::test]
async fn an_administrators_token_sets_a_new_password_once() {
    on_every_database(&[], async |fleet| {
        let session = fleet.client.register("ann").await;
        let (ann, admin) = (fleet.client.signed_in(&session), fleet.admin().await);
        let create = async |id: &str| admin.post(&format!("admin/users/{id}/password-reset"), &json!({})).await;
        let reset = async |token: &str, new: &str| {
            fleet.client.post("auth/password-reset", &json!({"token": token, "newPassword": new})).await
        };
        create("4242").await.refused(404, "USER_NOT_FOUND");
        let id = ann.user();
        let replaced = create(id).await;
        let made = create(id).await;
        assert_eq!(made.ok("expiresIn"), 3600);
        reset(replaced.text("token"), "a brand new one").await.refused(401, "TOKEN_INVALID");
        assert_eq!(
            reset(made.text("token"), "password1").await.refused(400, "PASSWORD_TOO_WEAK").field(),
            "newPassword"
        );
        reset(made.text("token"), "a brand new one").await.expect(200);
        reset(made.text("token"), "a brand new two").await.refused(401, "TOKEN_INVALID");
        ann.get("user/me").await.refused(401, "TOKEN_INVALID");
        fleet.refresh(session.text("refreshToken")).await.refused(401, "TOKEN_INVALID");
        fleet.client.login("ann", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
        fleet.client.login("ann", "a brand new one").await.expect(200);
        // Of two concurrent uses one succeeds.
        let made = create(id).await;
        let (one, two) =
            tokio::join!(reset(made.text("token"), "first or second"), reset(made.text("token"), "second or first"));
        assert_eq!([one.status, two.status].iter().sum::<u16>(), 601, "{one:?} {two:?}");
        let late = create(id).await;
        fleet.sandbox.process.clock.advance(Duration::from_secs(3601));
        reset(late.text("token"), "too late for this").await.refused(401, "TOKEN_INVALID");
    })
    .await;
}
