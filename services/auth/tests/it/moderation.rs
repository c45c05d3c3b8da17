//! PUT admin/users/{id}/hide, restore, ban, unban.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{Fleet, PASSWORD, Reply, on_every_database, on_every_database_with_events};

async fn put(fleet: &Fleet, token: &str, id: &str, what: &str, body: Value) -> Reply {
    fleet.as_user(token, Method::PUT, &format!("admin/users/{id}/{what}"), body).await
}

#[tokio::test]
async fn moderation_is_limited_by_role() {
    on_every_database(&[], async |fleet| {
        let admin = fleet.admin_token().await;
        let (mo_id, mo, _) = fleet.account(&admin, "mod", "moderator").await;
        let (max_id, ..) = fleet.account(&admin, "max", "moderator").await;
        let (ann_id, ann, _) = fleet.account(&admin, "ann", "user").await;
        let (boss_id, boss, _) = fleet.account(&admin, "boss", "admin").await;
        for what in ["hide", "restore", "ban", "unban"] {
            put(&fleet, &ann, &mo_id, what, json!({})).await.refuses(403, "PERMISSION_DENIED");
            for target in [&max_id, &boss_id, &mo_id] {
                put(&fleet, &mo, target, what, json!({})).await.refuses(403, "PERMISSION_DENIED");
            }
            put(&fleet, &boss, &boss_id, what, json!({})).await.refuses(403, "PERMISSION_DENIED");
            put(&fleet, &mo, "4242", what, json!({})).await.refuses(404, "USER_NOT_FOUND");
            put(&fleet, &mo, &ann_id, what, json!({})).await.is(200);
            put(&fleet, &admin, &max_id, what, json!({})).await.is(200);
        }
        // Other admin routes are not for moderators.
        let id = format!("admin/users/{ann_id}");
        for (method, path) in [
            (Method::GET, "admin/users"),
            (Method::GET, &id),
            (Method::PUT, &id),
            (Method::DELETE, &id),
            (Method::DELETE, &format!("{id}/sessions")),
        ] {
            fleet.as_user(&mo, method, path, Value::Null).await.refuses(403, "ADMIN_REQUIRED");
        }
    })
    .await;
}

#[tokio::test]
async fn a_hidden_account_cannot_sign_in_until_it_is_restored() {
    on_every_database_with_events(&[], async |fleet| {
        let (admin, events) = (fleet.admin_token().await, fleet.events());
        let (_, mo, _) = fleet.account(&admin, "mod", "moderator").await;
        let (id, ann, refresh) = fleet.account(&admin, "ann", "user").await;
        let hidden = put(&fleet, &mo, &id, "hide", json!({"text": "spam"})).await.is(200);
        let user = &hidden.body["user"];
        assert_eq!((&user["isHidden"], &user["email"], hidden.etag()), (&json!(true), &Value::Null, "\"2\""));
        assert_eq!(user["hiddenReasons"], json!([]), "for administrators only");
        fleet.get(&ann, "user/me").await.refuses(401, "TOKEN_INVALID");
        fleet.refresh(&refresh).await.refuses(401, "TOKEN_INVALID");
        fleet.login("ann", "wrong password").await.refuses(401, "INVALID_CREDENTIALS");
        fleet.login("ann", PASSWORD).await.refuses(403, "USER_HIDDEN");

        let updated = events.wait_for("updated", "userId", id.as_str()).await;
        assert_eq!((&updated["isHidden"], &updated["version"]), (&json!(true), &json!("2")));
        events.wait_for("sessions_ended", "userId", id.as_str()).await;
        let event = events.wait_for("moderated", "userId", id.as_str()).await;
        assert_eq!(
            [&event["outcome"], &event["objectType"], &event["objectId"], &event["objectTitle"], &event["text"]],
            ["hidden", "user", id.as_str(), "ann", "spam"]
        );
        let (entry, before, after) = events.audit("user.hidden").await;
        assert_eq!((&entry["objectId"], &entry["subjectUserId"]), (&json!(id), &json!(id)));
        assert_eq!(before, json!({"hiddenReasons": []}));
        assert_eq!(after, json!({"hiddenReasons": ["moderation"], "text": "spam"}));

        // A repeat changes and publishes nothing.
        assert_eq!(put(&fleet, &mo, &id, "hide", json!({"text": "again"})).await.is(200).etag(), "\"2\"");
        let restored = put(&fleet, &mo, &id, "restore", json!({})).await.is(200);
        assert_eq!((&restored.body["user"]["isHidden"], restored.etag()), (&json!(false), "\"3\""));
        assert_eq!(put(&fleet, &mo, &id, "restore", json!({})).await.is(200).etag(), "\"3\"");
        events.wait_for("moderated", "outcome", "restored").await;
        assert_eq!(events.audit("user.restored").await.2, json!({"hiddenReasons": []}));
        events.wait_for("updated", "version", "3").await;
        assert_eq!((events.audits("user.hidden"), events.audits("user.restored")), (1, 1));
        assert_eq!((events.all("moderated").len(), events.all("updated").len()), (2, 2));
        fleet.login("ann", PASSWORD).await.is(200);
    })
    .await;
}

#[tokio::test]
async fn moderators_remove_their_reason_and_administrators_all_reasons() {
    on_every_database(&[], async |fleet| {
        let admin = fleet.admin_token().await;
        let (_, mo, _) = fleet.account(&admin, "mod", "moderator").await;
        let (id, ann, _) = fleet.account(&admin, "ann", "user").await;
        fleet.as_user(&ann, Method::PUT, "user/account/hide", json!({})).await.is(200);
        fleet.login("ann", PASSWORD).await.refuses(403, "USER_HIDDEN");
        put(&fleet, &mo, &id, "hide", json!({})).await.is(200);
        let shown = fleet.get(&admin, &format!("admin/users/{id}")).await.is(200);
        assert_eq!(shown.body["user"]["hiddenReasons"], json!(["moderation", "self"]));
        let left = put(&fleet, &mo, &id, "restore", json!({})).await.is(200);
        assert_eq!(left.body["user"]["isHidden"], true);
        put(&fleet, &mo, &id, "restore", json!({})).await.is(200);
        fleet.login("ann", PASSWORD).await.refuses(403, "USER_HIDDEN");
        put(&fleet, &mo, &id, "hide", json!({})).await.is(200);
        let all = put(&fleet, &admin, &id, "restore", json!({})).await.is(200);
        assert_eq!((&all.body["user"]["isHidden"], &all.body["user"]["hiddenReasons"]), (&json!(false), &json!([])));
        fleet.login("ann", PASSWORD).await.is(200);
    })
    .await;
}

#[tokio::test]
async fn a_ban_expires_or_is_ended_by_a_moderator() {
    on_every_database_with_events(&[], async |fleet| {
        let (admin, events) = (fleet.admin_token().await, fleet.events());
        let (id, ann, refresh) = fleet.account(&admin, "ann", "user").await;
        let now = fleet.sandbox.process.clock.now();
        let rfc = |seconds: i64| {
            (now + chrono::TimeDelta::seconds(seconds)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        };
        for bad in [rfc(-5), "9999-12-31T23:59:59.5Z".to_owned()] {
            let refused = put(&fleet, &admin, &id, "ban", json!({"until": bad})).await.refuses(400, "INVALID_PARAMS");
            assert_eq!(refused.field(), "until");
        }
        let until = rfc(600);
        // As replies and events format it.
        let until_json = json!(until.replace('Z', "+00:00"));
        let banned = put(&fleet, &admin, &id, "ban", json!({"until": until, "text": "a pause"})).await.is(200);
        assert_eq!(
            (&banned.body["user"]["bannedUntil"], &banned.body["user"]["isHidden"]),
            (&until_json, &json!(false))
        );
        fleet.get(&ann, "user/me").await.refuses(401, "TOKEN_INVALID");
        fleet.refresh(&refresh).await.refuses(401, "TOKEN_INVALID");
        fleet.login("ann", "wrong password").await.refuses(401, "INVALID_CREDENTIALS");
        let refused = fleet.login("ann", PASSWORD).await.refuses(403, "USER_BANNED");
        assert_eq!(refused.body["details"][0]["metadata"]["until"], json!(until));
        let event = events.wait_for("moderated", "outcome", "banned").await;
        assert_eq!((&event["until"], &event["text"]), (&until_json, &json!("a pause")));
        let (_, before, after) = events.audit("user.banned").await;
        assert_eq!((before, after), (json!({"bannedUntil": null}), json!({"bannedUntil": until, "text": "a pause"})));
        assert_eq!(put(&fleet, &admin, &id, "ban", json!({"until": until})).await.is(200).etag(), banned.etag());
        fleet.sandbox.process.clock.advance(Duration::from_secs(601));
        let admin = fleet.admin_token().await;
        fleet.login("ann", PASSWORD).await.is(200);
        let shown = fleet.get(&admin, &format!("admin/users/{id}")).await.is(200);
        assert_eq!(shown.body["user"]["bannedUntil"], Value::Null);

        let banned = put(&fleet, &admin, &id, "ban", json!({})).await.is(200);
        assert_eq!(banned.body["user"]["bannedUntil"], "9999-12-31T23:59:59+00:00");
        let refused = fleet.login("ann", PASSWORD).await.refuses(403, "USER_BANNED");
        assert_eq!(refused.body["details"][0]["metadata"]["until"], "9999-12-31T23:59:59Z");
        put(&fleet, &admin, &id, "unban", json!({})).await.is(200);
        put(&fleet, &admin, &id, "unban", json!({})).await.is(200);
        events.wait_for("moderated", "outcome", "unbanned").await;
        assert_eq!(events.audit("user.unbanned").await.2, json!({"bannedUntil": null}));
        fleet.login("ann", PASSWORD).await.is(200);
        let permanent = events.all("moderated").into_iter().rfind(|event| event["outcome"] == "banned").unwrap();
        assert_eq!(permanent["until"], Value::Null);
        assert_eq!((events.audits("user.banned"), events.audits("user.unbanned")), (2, 1));
    })
    .await;
}
