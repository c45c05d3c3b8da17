//! Tags, and the tags that viewers chose.

use fenz_contract::events::v1::{AuditRecorded, GuestJoined, TagChanged, TagDeleted, UserRegistered, VideoChanged};
use fenz_testkit::{Database, eventually, id};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Cache, Harness, video};

#[tokio::test]
async fn administrators_create_update_and_delete_tags() {
    for database in Database::available() {
        let harness = Harness::start(database, Cache::Memory).await;
        harness.client(5).put("admin/tags/1", &json!({"name": "x"})).await.refused(403, "ADMIN_REQUIRED");
        let admin = harness.admin();
        let music = admin.post("admin/tags", &json!({"name": " 音樂 Music ", "slug": "music"})).await.ok("tag");
        assert_eq!((&music["name"], &music["slug"]), (&json!("音樂 Music"), &json!("music")));
        let listed = harness.get("tags", 0).await;
        assert_eq!((listed.number("total"), &listed.body["tags"][0]), (1, &music));
        for (name, slug) in [("音樂 MUSIC", "other"), ("other", "music")] {
            admin.post("admin/tags", &json!({"name": name, "slug": slug})).await.refused(409, "TAG_TAKEN");
        }
        let blank = json!({"name": "  ", "slug": "blank"});
        admin.post("admin/tags", &blank).await.refused(400, "INVALID_PARAMS");
        let path = format!("admin/tags/{}", id(&music));
        let games = harness.tag("Games").await;
        let taken = json!({"slug": "music"});
        admin.put(&format!("admin/tags/{games}"), &taken).await.refused(409, "TAG_TAKEN");
        // Another case of its own name is not a conflict.
        let renamed = admin.put(&path, &json!({"name": "音樂 MUSIC"})).await.ok("tag");
        assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("音樂 MUSIC"), &json!("music")));
        assert_eq!(admin.delete(&path).await.status, 200);
        admin.delete(&path).await.refused(404, "TAG_NOT_FOUND");
        assert_eq!(harness.get("tags", 0).await.number("total"), 1);

        let actions =
            || -> Vec<String> { harness.events.all::<AuditRecorded>().into_iter().map(|act| act.action).collect() };
        eventually(async || actions().len() == 4).await;
        let mut actions = actions();
        actions.sort();
        assert_eq!(actions, ["tag.created", "tag.created", "tag.deleted", "tag.updated"]);
        eventually(async || harness.events.all::<TagChanged>().len() == 3).await;
        eventually(async || harness.events.all::<TagDeleted>().len() == 1).await;
    }
}

fn names(tags: &Value) -> Vec<String> {
    tags.as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn viewers_choose_tags_and_guests_transfer_theirs_to_an_account() {
    for database in Database::available() {
        let harness = Harness::start(database, Cache::Memory).await;
        let mut ids = Vec::new();
        for name in ["A", "B", "C", "D", "E", "F"] {
            ids.push(harness.tag(name).await.to_string());
        }
        let body = |ids: &[String]| json!({"tagIds": ids, "sessionId": "guest-0001"});
        harness.client(5).put("tags/my", &body(&ids)).await.refused(400, "TAG_LIMIT_EXCEEDED");
        harness.client(5).put("tags/my", &json!({"tagIds": ["12345"]})).await.refused(404, "TAG_NOT_FOUND");
        harness.client(0).put("tags/my", &json!({"tagIds": []})).await.refused(400, "INVALID_PARAMS");
        assert_eq!(names(&harness.get("tags/my", 0).await.ok("tags")), Vec::<String>::new());
        assert_eq!(names(&harness.client(0).put("tags/my", &body(&ids[..2])).await.ok("tags")), ["A", "B"]);
        assert_eq!(names(&harness.get("tags/my?sessionId=guest-0001", 0).await.ok("tags")), ["A", "B"]);
        assert_eq!(names(&harness.client(0).put("tags/my", &body(&ids[2..4])).await.ok("tags")), ["C", "D"]);

        // Tags go to the first account that the guest joins, unless it has some.
        harness.client(6).put("tags/my", &json!({"tagIds": [ids[0]]})).await.ok("tags");
        harness
            .events
            .publish(GuestJoined { user_id: 5, guest_session_id: "guest-0001".into(), occurred_at: None })
            .await;
        eventually(async || names(&harness.get("tags/my", 5).await.ok("tags")) == ["C", "D"]).await;
        assert_eq!(names(&harness.get("tags/my?sessionId=guest-0001", 0).await.ok("tags")), Vec::<String>::new());
        harness.client(0).put("tags/my", &body(&ids[4..])).await.ok("tags");
        let guest_session_id = Some("guest-0001".to_owned());
        harness
            .events
            .publish(UserRegistered { user_id: 6, guest_session_id, version: 1, ..UserRegistered::default() })
            .await;
        let guests = "tags/my?sessionId=guest-0001";
        eventually(async || names(&harness.get(guests, 0).await.ok("tags")).is_empty()).await;
        assert_eq!(names(&harness.get("tags/my", 6).await.ok("tags")), ["A"]);

        // A deleted tag is removed from viewers and videos.
        harness
            .events
            .publish(VideoChanged { tag_ids: ids.iter().map(|id| id.parse().unwrap()).collect(), ..video(1, 1) })
            .await;
        eventually(async || harness.total("videos/recommended").await == 1).await;
        assert_eq!(harness.admin().delete(&format!("admin/tags/{}", ids[2])).await.status, 200);
        assert_eq!(names(&harness.get("tags/my", 5).await.ok("tags")), ["D"]);
        let tags_of =
            async || harness.get("videos/recommended", 0).await.body["videos"][0]["tagIds"].as_array().unwrap().len();
        eventually(async || tags_of().await == 5).await;
    }
}

#[tokio::test]
async fn concurrent_updates_of_tags_do_not_mix() {
    for database in Database::available() {
        let harness = Harness::start(database, Cache::Memory).await;
        let mut ids = Vec::new();
        for name in ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"] {
            ids.push(harness.tag(name).await.to_string());
        }
        for (session, user) in [("guest-0001", 0), ("guest-0002", 5)] {
            let choices =
                [json!({"tagIds": ids[..5], "sessionId": session}), json!({"tagIds": ids[5..], "sessionId": session})];
            let client = harness.client(user);
            for reply in join_all((0..12).map(|n| client.put("tags/my", &choices[n / 3 % 2]))).await {
                assert_eq!(reply.ids("tags").len(), 5);
            }
            assert_eq!(client.get(&format!("tags/my?sessionId={session}")).await.ids("tags").len(), 5);
        }
    }
}
