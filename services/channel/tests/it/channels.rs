//! Reading, editing and moderating channels.

use fenz_contract::events::v1::ChannelChanged;
use fenz_core::Role;
use fenz_testkit::{Database, Reply, eventually};
use reqwest::Method;
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER};

#[tokio::test]
async fn a_channel_shows_its_owners_edits() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let read = fleet.get("channels/7", 0).await;
        assert_eq!(read.headers["etag"], "\"1\"");
        let mut channel = read.ok("channel");
        assert!(channel["createdAt"].take().is_string());
        assert_eq!(
            channel,
            json!({
                "id": "7", "ownerId": "7", "name": "the owner", "description": "", "avatarUrl": "", "bannerUrl": "",
                "monthlyFee": {"amount": "0.00", "currency": "USD"}, "subscriberCount": "0", "premiumCount": "0",
                "membershipTier": "none", "isHidden": false, "createdAt": null,
            })
        );
        let edited = fleet.put("channels/7", &json!({"description": "詳細 🎬".repeat(600)}), OWNER).await;
        assert_eq!(edited.headers["etag"], "\"2\"");
        let edited = edited.ok("channel");
        assert_eq!((&edited["name"], &edited["description"]), (&json!("the owner"), &json!("詳細 🎬".repeat(600))));
        // An empty edit changes nothing.
        assert_eq!(fleet.put("channels/7", &json!({}), OWNER).await.headers["etag"], "\"2\"");
        let again = fleet.put("channels/7", &json!({"name": "頻道", "description": ""}), OWNER).await.ok("channel");
        assert_eq!((&again["name"], &again["description"]), (&json!("頻道"), &json!("")));
        let events = || fleet.events.all::<ChannelChanged>().into_iter().filter(|e| e.channel_id == 7);
        eventually(async || events().count() == 3).await;
        assert!(events().all(|e| e.owner_id == 7 && !e.is_hidden));
    }
}

#[tokio::test]
async fn only_the_owner_edits() {
    let fleet = Fleet::start(Database::of_a_fleet()).await;
    let body = json!({"name": "mine"});
    for (channel, user, role, status, reason) in [
        (7, 0, Role::User, 401, "UNAUTHENTICATED"),
        (7, OTHER, Role::User, 403, "PERMISSION_DENIED"),
        (7, OTHER, Role::Admin, 403, "PERMISSION_DENIED"),
        (404, OTHER, Role::User, 404, "CHANNEL_NOT_FOUND"),
        (0, OWNER, Role::User, 400, "INVALID_PARAMS"),
    ] {
        let request = fleet.request_as(Method::PUT, &format!("channels/{channel}"), user, role);
        Reply::of(request.json(&body)).await.refused(status, reason);
    }
    for (field, value) in [
        ("name", json!("")),
        ("name", json!(" \u{3000}")),
        ("name", json!("a\nb")),
        ("name", json!("n".repeat(65))),
        ("description", json!("d".repeat(5_001))),
        ("avatarUploadId", json!("-1")),
    ] {
        let reply = fleet.put("channels/7", &json!({field: value}), OWNER).await;
        assert_eq!(reply.refused(400, "INVALID_PARAMS").field(), field);
    }
    fleet.put("channels/7", &json!({"ownerId": "8"}), OWNER).await.refused(400, "INVALID_PARAMS");
    assert_eq!(fleet.get("channels/7", 0).await.headers["etag"], "\"1\"");
}

#[tokio::test]
async fn if_match_prevents_lost_updates() {
    let fleet = Fleet::start(Database::of_a_fleet()).await;
    let put = async |if_match: &str, name: String| -> Reply {
        let request = fleet.request(Method::PUT, "channels/7", OWNER).header("If-Match", if_match);
        Reply::of(request.json(&json!({"name": name}))).await
    };
    assert_eq!(put("\"1\"", "a".into()).await.headers["etag"], "\"2\"");
    put("\"1\"", "b".into()).await.refused(412, "VERSION_MISMATCH");
    // A subscription does not change the version.
    assert_eq!(fleet.subscribe(7, OTHER).await.status, 200);
    let replies = futures::future::join_all((0..6).map(|n| put("\"2\"", format!("n{n}")))).await;
    assert_eq!(replies.iter().filter(|r| r.status == 200).count(), 1);
    assert!(replies.iter().all(|r| r.status == 200 || r.reason() == "VERSION_MISMATCH"));
}

#[tokio::test]
async fn moderation_is_independent_of_other_hidden_reasons() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        assert_eq!(fleet.subscribe(7, OTHER).await.status, 200);
        // A second reason: the owner's account is hidden.
        fleet.execute("UPDATE channels SET hidden_reasons = 2 WHERE id = 7").await;
        let path = "admin/channels/7/hide";
        Reply::of(fleet.request(Method::PUT, path, OTHER).json(&json!({}))).await.refused(403, "PERMISSION_DENIED");
        for _ in 0..2 {
            let hidden = fleet.moderate(7, "hide").await;
            assert_eq!(hidden.headers["etag"], "\"2\"");
            assert_eq!(hidden.ok("channel")["isHidden"], json!(true));
        }
        for (user, role, status) in [
            (0, Role::User, 404),
            (OTHER, Role::User, 404),
            (OWNER, Role::User, 200),
            (OTHER, Role::Moderator, 200),
            (OTHER, Role::Admin, 200),
        ] {
            let reply = Reply::of(fleet.request_as(Method::GET, "channels/7", user, role)).await;
            assert_eq!(reply.status, status, "{user} {role:?}");
        }
        fleet.put("channels/7", &json!({"name": "n"}), OTHER).await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.subscribe(7, 55).await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.unsubscribe(7, 55).await.refused(404, "CHANNEL_NOT_FOUND");
        assert_eq!(fleet.get("user/subscriptions", OTHER).await.ok("total"), json!("0"));

        assert_eq!(fleet.moderate(7, "restore").await.ok("channel")["isHidden"], json!(true));
        fleet.get("channels/7", 0).await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.execute("UPDATE channels SET hidden_reasons = 1 WHERE id = 7").await;
        assert_eq!(fleet.moderate(7, "restore").await.ok("channel")["isHidden"], json!(false));
        assert_eq!(fleet.get("channels/7", OTHER).await.ok("channel")["membershipTier"], json!("subscriber"));
        assert_eq!(fleet.get("user/subscriptions", OTHER).await.ok("total"), json!("1"));
        fleet.moderate(404, "hide").await.refused(404, "CHANNEL_NOT_FOUND");
        for action in ["hide", "restore"] {
            let own = fleet.request_as(Method::PUT, &format!("admin/channels/7/{action}"), OWNER, Role::Admin);
            Reply::of(own.json(&json!({}))).await.refused(403, "PERMISSION_DENIED");
        }
        let events = || fleet.events.all::<ChannelChanged>();
        eventually(async || events().iter().filter(|e| e.channel_id == 7).count() == 4).await;
        let mut events: Vec<_> =
            events().iter().filter(|e| e.channel_id == 7).map(|e| (e.version, e.is_hidden)).collect();
        events.sort_unstable();
        assert_eq!(events, [(1, false), (2, true), (3, true), (4, false)]);
    }
}
