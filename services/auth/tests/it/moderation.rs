//! PUT admin/users/{id}/hide, restore, ban, unban.

use std::time::Duration;

use fenz_contract::events::v1::{SessionsEnded, UserModerated, UserUpdated};
use fenz_testkit::{Client, PASSWORD, Reply, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{on_every_database, on_every_database_with_events};

async fn put(user: &Client, id: &str, what: &str, body: Value) -> Reply {
    user.put(&format!("admin/users/{id}/{what}"), &body).await
}

#[tokio::test]
async fn moderation_is_limited_by_role() {
    on_every_database(&[], async |fleet| {
        let admin = fleet.admin().await;
        let (mo_id, mo, _) = fleet.account(&admin, "mod", "moderator").await;
        let (max_id, ..) = fleet.account(&admin, "max", "moderator").await;
        let (ann_id, ann, _) = fleet.account(&admin, "ann", "user").await;
        let (boss_id, boss, _) = fleet.account(&admin, "boss", "admin").await;
        for what in ["hide", "restore", "ban", "unban"] {
            put(&ann, &mo_id, what, json!({})).await.refused(403, "PERMISSION_DENIED");
            for target in [&max_id, &boss_id, &mo_id] {
                put(&mo, target, what, json!({})).await.refused(403, "PERMISSION_DENIED");
            }
            put(&boss, &boss_id, what, json!({})).await.refused(403, "PERMISSION_DENIED");
            put(&mo, "4242", what, json!({})).await.refused(404, "USER_NOT_FOUND");
            put(&mo, &ann_id, what, json!({})).await.expect(200);
            put(&admin, &max_id, what, json!({})).await.expect(200);
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
            mo.send(method, path, &Value::Null).await.refused(403, "ADMIN_REQUIRED");
        }
    })
    .await;
}

#[tokio::test]
async fn a_hidden_account_cannot_sign_in_until_it_is_restored() {
    on_every_database_with_events(&[], async |fleet| {
        let (admin, events) = (fleet.admin().await, &fleet.events);
        let (_, mo, _) = fleet.account(&admin, "mod", "moderator").await;
        let (id, ann, refresh) = fleet.account(&admin, "ann", "user").await;
        let hidden = put(&mo, &id, "hide", json!({"text": "spam"})).await;
        let user = &hidden.ok("user");
        assert_eq!((&user["isHidden"], &user["email"], hidden.header("etag")), (&json!(true), &Value::Null, "\"2\""));
        assert_eq!(user["hiddenReasons"], json!([]), "for administrators only");
        ann.get("user/me").await.refused(401, "TOKEN_INVALID");
        fleet.refresh(&refresh).await.refused(401, "TOKEN_INVALID");
        fleet.client.login("ann", "wrong password").await.refused(401, "INVALID_CREDENTIALS");
        fleet.client.login("ann", PASSWORD).await.refused(403, "USER_HIDDEN");

        let updated = events.wait_for::<UserUpdated>("userId", id.as_str()).await;
        assert_eq!((&updated["isHidden"], &updated["version"]), (&json!(true), &json!("2")));
        events.wait_for::<SessionsEnded>("userId", id.as_str()).await;
        let event = events.wait_for::<UserModerated>("userId", id.as_str()).await;
        assert_eq!(
            [&event["outcome"], &event["objectType"], &event["objectId"], &event["objectTitle"], &event["text"]],
            ["hidden", "user", id.as_str(), "ann", "spam"]
        );
        let (entry, before, after) = events.audit("user.hidden").await;
        assert_eq!((&entry["objectId"], &entry["subjectUserId"]), (&json!(id), &json!(id)));
        assert_eq!(before, json!({"hiddenReasons": []}));
        assert_eq!(after, json!({"hiddenReasons": ["moderation"], "text": "spam"}));

        // A repeat changes and publishes nothing.
        assert_eq!(put(&mo, &id, "hide", json!({"text": "again"})).await.expect(200).header("etag"), "\"2\"");
        let restored = put(&mo, &id, "restore", json!({})).await;
        assert_eq!((&restored.ok("user")["isHidden"], restored.header("etag")), (&json!(false), "\"3\""));
        assert_eq!(put(&mo, &id, "restore", json!({})).await.expect(200).header("etag"), "\"3\"");
        events.wait_for::<UserModerated>("outcome", "restored").await;
        assert_eq!(events.audit("user.restored").await.2, json!({"hiddenReasons": []}));
        events.wait_for::<UserUpdated>("version", "3").await;
        assert_eq!((events.audits("user.hidden"), events.audits("user.restored")), (1, 1));
        assert_eq!((events.all::<UserModerated>().len(), events.all::<UserUpdated>().len()), (2, 2));
        fleet.client.login("ann", PASSWORD).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn moderators_remove_their_reason_and_administrators_all_reasons() {
    on_every_database(&[], async |fleet| {
        let admin = fleet.admin().await;
        let (_, mo, _) = fleet.account(&admin, "mod", "moderator").await;
        let (id, ann, _) = fleet.account(&admin, "ann", "user").await;
        ann.put("user/account/hide", &json!({})).await.expect(200);
        fleet.client.login("ann", PASSWORD).await.refused(403, "USER_HIDDEN");
        put(&mo, &id, "hide", json!({})).await.expect(200);
        let shown = admin.get(&format!("admin/users/{id}")).await;
        assert_eq!(shown.ok("user")["hiddenReasons"], json!(["moderation", "self"]));
        let left = put(&mo, &id, "restore", json!({})).await;
        assert_eq!(left.ok("user")["isHidden"], true);
        put(&mo, &id, "restore", json!({})).await.expect(200);
        fleet.client.login("ann", PASSWORD).await.refused(403, "USER_HIDDEN");
        put(&mo, &id, "hide", json!({})).await.expect(200);
        let all = put(&admin, &id, "restore", json!({})).await;
        assert_eq!((&all.ok("user")["isHidden"], &all.ok("user")["hiddenReasons"]), (&json!(false), &json!([])));
        fleet.client.login("ann", PASSWORD).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_ban_expires_or_is_ended_by_a_moderator() {
    on_every_database_with_events(&[], async |fleet| {
        let (admin, events) = (fleet.admin().await, &fleet.events);
        let (id, ann, refresh) = fleet.account(&admin, "ann", "user").await;
        let now = fleet.sandbox.process.clock.now();
        let rfc = |seconds: i64| {
            (now + chrono::TimeDelta::seconds(seconds)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        };
        for bad in [rfc(-5), "9999-12-31T23:59:59.5Z".to_owned()] {
            let refused = put(&admin, &id, "ban", json!({"until": bad})).await;
            refused.refused(400, "INVALID_PARAMS");
            assert_eq!(refused.field(), "until");
        }
        let until = rfc(600);
        // As replies and events format it.
        let until_json = json!(until.replace('Z', "+00:00"));
        let banned = put(&admin, &id, "ban", json!({"until": until, "text": "a pause"})).await;
        assert_eq!((&banned.ok("user")["bannedUntil"], &banned.ok("user")["isHidden"]), (&until_json, &json!(false)));
        ann.get("user/me").await.refused(401, "TOKEN_INVALID");
        fleet.refresh(&refresh).await.refused(401, "TOKEN_INVALID");
        fleet.client.login("ann", "wrong password").await.refused(401, "INVALID_CREDENTIALS");
        let refused = fleet.client.login("ann", PASSWORD).await;
        refused.refused(403, "USER_BANNED");
        assert_eq!(refused.detail("ErrorInfo")["metadata"]["until"], json!(until));
        let event = events.wait_for::<UserModerated>("outcome", "banned").await;
        assert_eq!((&event["until"], &event["text"]), (&until_json, &json!("a pause")));
        let (_, before, after) = events.audit("user.banned").await;
        assert_eq!((before, after), (json!({"bannedUntil": null}), json!({"bannedUntil": until, "text": "a pause"})));
        assert_eq!(
            put(&admin, &id, "ban", json!({"until": until})).await.expect(200).header("etag"),
            banned.header("etag")
        );
        fleet.sandbox.process.clock.advance(Duration::from_secs(601));
        let admin = fleet.admin().await;
        fleet.client.login("ann", PASSWORD).await.expect(200);
        let shown = admin.get(&format!("admin/users/{id}")).await;
        assert_eq!(shown.ok("user")["bannedUntil"], Value::Null);

        let banned = put(&admin, &id, "ban", json!({})).await;
        assert_eq!(banned.ok("user")["bannedUntil"], "9999-12-31T23:59:59+00:00");
        let refused = fleet.client.login("ann", PASSWORD).await;
        refused.refused(403, "USER_BANNED");
        assert_eq!(refused.detail("ErrorInfo")["metadata"]["until"], "9999-12-31T23:59:59Z");
        put(&admin, &id, "unban", json!({})).await.expect(200);
        put(&admin, &id, "unban", json!({})).await.expect(200);
        events.wait_for::<UserModerated>("outcome", "unbanned").await;
        assert_eq!(events.audit("user.unbanned").await.2, json!({"bannedUntil": null}));
        fleet.client.login("ann", PASSWORD).await.expect(200);
        // Events may arrive in any order.
        let recorded = || (events.all::<UserModerated>().len(), events.audits("user.banned"));
        eventually(async || recorded() == (3, 2)).await;
        let permanent = events.all::<UserModerated>().into_iter().rfind(|event| event["outcome"] == "banned").unwrap();
        assert_eq!(permanent["until"], Value::Null);
        assert_eq!((events.audits("user.banned"), events.audits("user.unbanned")), (2, 1));
    })
    .await;
}
