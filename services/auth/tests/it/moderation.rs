//! PUT admin/users/{id}/hide, restore, ban, unban.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{Fleet, PASSWORD, Reply, everywhere, everywhere_heard};

async fn put(fleet: &Fleet, token: &str, id: &str, what: &str, body: Value) -> Reply {
    fleet.as_user(token, Method::PUT, &format!("admin/users/{id}/{what}"), body).await
}

#[tokio::test]
async fn who_may_moderate_whom() {
    everywhere(&[], async |fleet| {
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
        // Moderators do no more than that.
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
async fn a_hidden_account_is_out_until_it_is_restored() {
    everywhere_heard(&[], async |fleet| {
        let (admin, ear) = (fleet.admin_token().await, fleet.ear());
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

        let updated = ear.of("updated", "userId", id.as_str()).await;
        assert_eq!((&updated["isHidden"], &updated["version"]), (&json!(true), &json!("2")));
        ear.of("sessions_ended", "userId", id.as_str()).await;
        let told = ear.of("moderated", "userId", id.as_str()).await;
        assert_eq!(
            [&told["outcome"], &told["objectType"], &told["objectId"], &told["objectTitle"], &told["text"]],
            ["hidden", "user", id.as_str(), "ann", "spam"]
        );
        let (entry, before, after) = ear.audit("user.hidden").await;
        assert_eq!((&entry["objectId"], &entry["subjectUserId"]), (&json!(id), &json!(id)));
        assert_eq!(before, json!({"hiddenReasons": []}));
        assert_eq!(after, json!({"hiddenReasons": ["moderation"], "text": "spam"}));

        // A repeat changes nothing and tells nothing.
        assert_eq!(put(&fleet, &mo, &id, "hide", json!({"text": "again"})).await.is(200).etag(), "\"2\"");
        let restored = put(&fleet, &mo, &id, "restore", json!({})).await.is(200);
        assert_eq!((&restored.body["user"]["isHidden"], restored.etag()), (&json!(false), "\"3\""));
        assert_eq!(put(&fleet, &mo, &id, "restore", json!({})).await.is(200).etag(), "\"3\"");
        ear.of("moderated", "outcome", "restored").await;
        assert_eq!(ear.audit("user.restored").await.2, json!({"hiddenReasons": []}));
        ear.of("updated", "version", "3").await;
        assert_eq!((ear.audits("user.hidden"), ear.audits("user.restored")), (1, 1));
        assert_eq!((ear.all("moderated").len(), ear.all("updated").len()), (2, 2));
        fleet.login("ann", PASSWORD).await.is(200);
    })
    .await;
}

#[tokio::test]
async fn moderators_take_back_what_is_theirs_and_administrators_all() {
    everywhere(&[], async |fleet| {
        let admin = fleet.admin_token().await;
        let (_, mo, _) = fleet.account(&admin, "mod", "moderator").await;
        let (id, ann, _) = fleet.account(&admin, "ann", "user").await;
        fleet.as_user(&ann, Method::PUT, "user/account/hide", json!({})).await.is(200);
        fleet.login("ann", PASSWORD).await.refuses(403, "USER_HIDDEN");
        put(&fleet, &mo, &id, "hide", json!({})).await.is(200);
        let seen = fleet.get(&admin, &format!("admin/users/{id}")).await.is(200);
        assert_eq!(seen.body["user"]["hiddenReasons"], json!(["moderation", "self"]));
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
async fn a_ban_ends_by_itself_or_by_a_moderator() {
    everywhere_heard(&[], async |fleet| {
        let (admin, ear) = (fleet.admin_token().await, fleet.ear());
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
        // As JSON has it.
        let told_until = json!(until.replace('Z', "+00:00"));
        let banned = put(&fleet, &admin, &id, "ban", json!({"until": until, "text": "a pause"})).await.is(200);
        assert_eq!(
            (&banned.body["user"]["bannedUntil"], &banned.body["user"]["isHidden"]),
            (&told_until, &json!(false))
        );
        fleet.get(&ann, "user/me").await.refuses(401, "TOKEN_INVALID");
        fleet.refresh(&refresh).await.refuses(401, "TOKEN_INVALID");
        fleet.login("ann", "wrong password").await.refuses(401, "INVALID_CREDENTIALS");
        let refused = fleet.login("ann", PASSWORD).await.refuses(403, "USER_BANNED");
        assert_eq!(refused.body["details"][0]["metadata"]["until"], json!(until));
        let told = ear.of("moderated", "outcome", "banned").await;
        assert_eq!((&told["until"], &told["text"]), (&told_until, &json!("a pause")));
        let (_, before, after) = ear.audit("user.banned").await;
        assert_eq!((before, after), (json!({"bannedUntil": null}), json!({"bannedUntil": until, "text": "a pause"})));
        assert_eq!(put(&fleet, &admin, &id, "ban", json!({"until": until})).await.is(200).etag(), banned.etag());
        fleet.sandbox.process.clock.advance(Duration::from_secs(601));
        let admin = fleet.admin_token().await;
        fleet.login("ann", PASSWORD).await.is(200);
        let seen = fleet.get(&admin, &format!("admin/users/{id}")).await.is(200);
        assert_eq!(seen.body["user"]["bannedUntil"], Value::Null);

        let banned = put(&fleet, &admin, &id, "ban", json!({})).await.is(200);
        assert_eq!(banned.body["user"]["bannedUntil"], "9999-12-31T23:59:59+00:00");
        let refused = fleet.login("ann", PASSWORD).await.refuses(403, "USER_BANNED");
        assert_eq!(refused.body["details"][0]["metadata"]["until"], "9999-12-31T23:59:59Z");
        put(&fleet, &admin, &id, "unban", json!({})).await.is(200);
        put(&fleet, &admin, &id, "unban", json!({})).await.is(200);
        ear.of("moderated", "outcome", "unbanned").await;
        assert_eq!(ear.audit("user.unbanned").await.2, json!({"bannedUntil": null}));
        fleet.login("ann", PASSWORD).await.is(200);
        let forever = ear.all("moderated").into_iter().filter(|told| told["outcome"] == "banned").nth(1).unwrap();
        assert_eq!(forever["until"], Value::Null);
        assert_eq!((ear.audits("user.banned"), ear.audits("user.unbanned")), (2, 1));
    })
    .await;
}
