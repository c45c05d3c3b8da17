//! Tags, and who picked which.

use fenz_contract::events::v1::{GuestJoined, UserRegistered};
use fenz_testkit::Database;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{Cache, Fleet, eventually, number, video};

#[tokio::test]
async fn administrators_make_change_and_delete_tags() {
    for database in Database::available() {
        let fleet = Fleet::start(database, Cache::Memory).await;
        fleet.put("admin/tags/1", &json!({"name": "x"}), 5).await.refused(403, "ADMIN_REQUIRED");
        let music = fleet.admin(Method::POST, "admin/tags", &json!({"name": " 音樂 Music ", "slug": "music"})).await;
        let music = music.of("tag");
        assert_eq!((&music["name"], &music["slug"]), (&json!("音樂 Music"), &json!("music")));
        // At once.
        let listed = fleet.get("tags", 0).await;
        assert_eq!((listed.total(), &listed.body["tags"][0]), (1, &music));
        for (name, slug) in [("音樂 MUSIC", "other"), ("other", "music")] {
            let again = fleet.admin(Method::POST, "admin/tags", &json!({"name": name, "slug": slug})).await;
            again.refused(409, "TAG_TAKEN");
        }
        let blank = fleet.admin(Method::POST, "admin/tags", &json!({"name": "  ", "slug": "blank"})).await;
        blank.refused(400, "INVALID_PARAMS");
        let path = format!("admin/tags/{}", number(&music["id"]));
        let games = fleet.tag("Games").await;
        let taken = fleet.admin(Method::PUT, &format!("admin/tags/{games}"), &json!({"slug": "music"})).await;
        taken.refused(409, "TAG_TAKEN");
        // The same name in another case is the tag's own.
        let renamed = fleet.admin(Method::PUT, &path, &json!({"name": "音樂 MUSIC"})).await.of("tag");
        assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("音樂 MUSIC"), &json!("music")));
        assert_eq!(fleet.admin(Method::DELETE, &path, &json!({})).await.status, 200);
        fleet.admin(Method::DELETE, &path, &json!({})).await.refused(404, "TAG_NOT_FOUND");
        assert_eq!(fleet.get("tags", 0).await.total(), 1);

        let acts = || -> Vec<String> { fleet.heard.audits.lock().unwrap().iter().map(|a| a.action.clone()).collect() };
        eventually(async || acts().len() == 4).await;
        let mut acts = acts();
        acts.sort();
        assert_eq!(acts, ["tag.created", "tag.created", "tag.deleted", "tag.updated"]);
        eventually(async || fleet.heard.changed.lock().unwrap().len() == 3).await;
        eventually(async || fleet.heard.deleted.lock().unwrap().len() == 1).await;
    }
}

fn names(tags: &Value) -> Vec<String> {
    tags.as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn viewers_pick_tags_and_an_account_takes_over_a_guests() {
    for database in Database::available() {
        let fleet = Fleet::start(database, Cache::Memory).await;
        let mut ids = Vec::new();
        for name in ["A", "B", "C", "D", "E", "F"] {
            ids.push(fleet.tag(name).await.to_string());
        }
        let pick = |ids: &[String]| json!({"tagIds": ids, "sessionId": "guest-0001"});
        fleet.put("tags/my", &pick(&ids), 5).await.refused(400, "TAG_LIMIT_EXCEEDED");
        fleet.put("tags/my", &json!({"tagIds": ["12345"]}), 5).await.refused(404, "TAG_NOT_FOUND");
        fleet.put("tags/my", &json!({"tagIds": []}), 0).await.refused(400, "INVALID_PARAMS");
        assert_eq!(names(&fleet.get("tags/my", 0).await.of("tags")), Vec::<String>::new());
        assert_eq!(names(&fleet.put("tags/my", &pick(&ids[..2]), 0).await.of("tags")), ["A", "B"]);
        assert_eq!(names(&fleet.get("tags/my?sessionId=guest-0001", 0).await.of("tags")), ["A", "B"]);
        assert_eq!(names(&fleet.put("tags/my", &pick(&ids[2..4]), 0).await.of("tags")), ["C", "D"]);

        // The first to join takes the choice, and only with none of its own.
        fleet.put("tags/my", &json!({"tagIds": [ids[0]]}), 6).await.of("tags");
        fleet.tell(GuestJoined { user_id: 5, guest_session_id: "guest-0001".into(), occurred_at: None }).await;
        eventually(async || names(&fleet.get("tags/my", 5).await.of("tags")) == ["C", "D"]).await;
        assert_eq!(names(&fleet.get("tags/my?sessionId=guest-0001", 0).await.of("tags")), Vec::<String>::new());
        fleet.put("tags/my", &pick(&ids[4..]), 0).await.of("tags");
        let guest_session_id = Some("guest-0001".to_owned());
        fleet.tell(UserRegistered { user_id: 6, guest_session_id, version: 1, ..UserRegistered::default() }).await;
        let guests = "tags/my?sessionId=guest-0001";
        eventually(async || names(&fleet.get(guests, 0).await.of("tags")).is_empty()).await;
        assert_eq!(names(&fleet.get("tags/my", 6).await.of("tags")), ["A"]);

        // A tag that goes leaves choices and videos.
        fleet
            .tell(fenz_contract::events::v1::VideoChanged {
                tag_ids: ids.iter().map(|id| id.parse().unwrap()).collect(),
                ..video(1, 1)
            })
            .await;
        eventually(async || fleet.total("videos/recommended").await == 1).await;
        assert_eq!(fleet.admin(Method::DELETE, &format!("admin/tags/{}", ids[2]), &json!({})).await.status, 200);
        assert_eq!(names(&fleet.get("tags/my", 5).await.of("tags")), ["D"]);
        let tags_of =
            async || fleet.get("videos/recommended", 0).await.body["videos"][0]["tagIds"].as_array().unwrap().len();
        eventually(async || tags_of().await == 5).await;
    }
}

#[tokio::test]
async fn a_choice_made_twice_at_once_is_one() {
    for database in Database::available() {
        let fleet = Fleet::start(database, Cache::Memory).await;
        let mut ids = Vec::new();
        for name in ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"] {
            ids.push(fleet.tag(name).await.to_string());
        }
        for (session, user) in [("guest-0001", 0), ("guest-0002", 5)] {
            let choices =
                [json!({"tagIds": ids[..5], "sessionId": session}), json!({"tagIds": ids[5..], "sessionId": session})];
            let clicks = (0..12).map(|n| fleet.put("tags/my", &choices[n / 3 % 2], user)).collect::<Vec<_>>();
            for reply in crate::feeds::futures_of(clicks.into_iter()).await {
                assert_eq!(reply.of("tags").as_array().unwrap().len(), 5);
            }
            assert_eq!(
                fleet.get(&format!("tags/my?sessionId={session}"), user).await.of("tags").as_array().unwrap().len(),
                5
            );
        }
    }
}
