//! Tags, and the tags that viewers chose.

use fenz_contract::events::v1::{GuestJoined, UserRegistered};
use fenz_testkit::Database;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Cache, Harness, eventually, number, video};

#[tokio::test]
async fn administrators_create_update_and_delete_tags() {
    for database in Database::available() {
        let harness = Harness::start(database, Cache::Memory).await;
        harness.put("admin/tags/1", &json!({"name": "x"}), 5).await.assert_error(403, "ADMIN_REQUIRED");
        let music = harness.admin(Method::POST, "admin/tags", &json!({"name": " 音樂 Music ", "slug": "music"})).await;
        let music = music.field("tag");
        assert_eq!((&music["name"], &music["slug"]), (&json!("音樂 Music"), &json!("music")));
        let listed = harness.get("tags", 0).await;
        assert_eq!((listed.total(), &listed.body["tags"][0]), (1, &music));
        for (name, slug) in [("音樂 MUSIC", "other"), ("other", "music")] {
            let again = harness.admin(Method::POST, "admin/tags", &json!({"name": name, "slug": slug})).await;
            again.assert_error(409, "TAG_TAKEN");
        }
        let blank = harness.admin(Method::POST, "admin/tags", &json!({"name": "  ", "slug": "blank"})).await;
        blank.assert_error(400, "INVALID_PARAMS");
        let path = format!("admin/tags/{}", number(&music["id"]));
        let games = harness.tag("Games").await;
        let taken = harness.admin(Method::PUT, &format!("admin/tags/{games}"), &json!({"slug": "music"})).await;
        taken.assert_error(409, "TAG_TAKEN");
        // Another case of its own name is not a conflict.
        let renamed = harness.admin(Method::PUT, &path, &json!({"name": "音樂 MUSIC"})).await.field("tag");
        assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("音樂 MUSIC"), &json!("music")));
        assert_eq!(harness.admin(Method::DELETE, &path, &json!({})).await.status, 200);
        harness.admin(Method::DELETE, &path, &json!({})).await.assert_error(404, "TAG_NOT_FOUND");
        assert_eq!(harness.get("tags", 0).await.total(), 1);

        let actions =
            || -> Vec<String> { harness.recorded.audits.lock().unwrap().iter().map(|a| a.action.clone()).collect() };
        eventually(async || actions().len() == 4).await;
        let mut actions = actions();
        actions.sort();
        assert_eq!(actions, ["tag.created", "tag.created", "tag.deleted", "tag.updated"]);
        eventually(async || harness.recorded.changed.lock().unwrap().len() == 3).await;
        eventually(async || harness.recorded.deleted.lock().unwrap().len() == 1).await;
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
        harness.put("tags/my", &body(&ids), 5).await.assert_error(400, "TAG_LIMIT_EXCEEDED");
        harness.put("tags/my", &json!({"tagIds": ["12345"]}), 5).await.assert_error(404, "TAG_NOT_FOUND");
        harness.put("tags/my", &json!({"tagIds": []}), 0).await.assert_error(400, "INVALID_PARAMS");
        assert_eq!(names(&harness.get("tags/my", 0).await.field("tags")), Vec::<String>::new());
        assert_eq!(names(&harness.put("tags/my", &body(&ids[..2]), 0).await.field("tags")), ["A", "B"]);
        assert_eq!(names(&harness.get("tags/my?sessionId=guest-0001", 0).await.field("tags")), ["A", "B"]);
        assert_eq!(names(&harness.put("tags/my", &body(&ids[2..4]), 0).await.field("tags")), ["C", "D"]);

        // Tags go to the first account that the guest joins, unless it has some.
        harness.put("tags/my", &json!({"tagIds": [ids[0]]}), 6).await.field("tags");
        harness.publish(GuestJoined { user_id: 5, guest_session_id: "guest-0001".into(), occurred_at: None }).await;
        eventually(async || names(&harness.get("tags/my", 5).await.field("tags")) == ["C", "D"]).await;
        assert_eq!(names(&harness.get("tags/my?sessionId=guest-0001", 0).await.field("tags")), Vec::<String>::new());
        harness.put("tags/my", &body(&ids[4..]), 0).await.field("tags");
        let guest_session_id = Some("guest-0001".to_owned());
        harness.publish(UserRegistered { user_id: 6, guest_session_id, version: 1, ..UserRegistered::default() }).await;
        let guests = "tags/my?sessionId=guest-0001";
        eventually(async || names(&harness.get(guests, 0).await.field("tags")).is_empty()).await;
        assert_eq!(names(&harness.get("tags/my", 6).await.field("tags")), ["A"]);

        // A deleted tag is removed from viewers and videos.
        harness
            .publish(fenz_contract::events::v1::VideoChanged {
                tag_ids: ids.iter().map(|id| id.parse().unwrap()).collect(),
                ..video(1, 1)
            })
            .await;
        eventually(async || harness.total("videos/recommended").await == 1).await;
        assert_eq!(harness.admin(Method::DELETE, &format!("admin/tags/{}", ids[2]), &json!({})).await.status, 200);
        assert_eq!(names(&harness.get("tags/my", 5).await.field("tags")), ["D"]);
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
            let requests = (0..12).map(|n| harness.put("tags/my", &choices[n / 3 % 2], user)).collect::<Vec<_>>();
            for reply in crate::feeds::join_all(requests.into_iter()).await {
                assert_eq!(reply.field("tags").as_array().unwrap().len(), 5);
            }
            assert_eq!(
                harness
                    .get(&format!("tags/my?sessionId={session}"), user)
                    .await
                    .field("tags")
                    .as_array()
                    .unwrap()
                    .len(),
                5
            );
        }
    }
}
