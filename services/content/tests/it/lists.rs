//! Lists of videos, and categories.

use fenz_testkit::Database;
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER};

#[tokio::test]
async fn public_videos_are_filtered_and_sorted_newest_first() {
    for database in Database::available() {
        let fleet = Fleet::start_with(database, &[("content.edit_cooldown", "0s")]).await;
        let a = fleet.video(json!({"tagIds": ["1"], "categoryId": "1"})).await;
        let b = fleet.video(json!({"tagIds": ["1", "2"], "accessTier": 2})).await;
        let draft = fleet.video(json!({"tagIds": ["2"], "publish": false})).await;
        let c = fleet.video(json!({"tagIds": ["3"], "categoryId": "1"})).await;
        let hidden = fleet.video(json!({"tagIds": ["3"]})).await;
        fleet.sandbox.execute("content", &format!("UPDATE videos SET hidden_reasons = 1 WHERE id = {hidden}")).await;
        for (query, expected) in [
            ("", vec![c, b, a]),
            ("?channelId=7", vec![c, b, a]),
            ("?channelId=8", vec![]),
            ("?categoryId=1", vec![c, a]),
            ("?tagIds=1", vec![b, a]),
            ("?tagIds=1&tagIds=2", vec![b, a]),
            ("?tagIds=2&tagIds=3", vec![c, b]),
            ("?categoryId=1&tagIds=1&channelId=7", vec![a]),
            ("?pageSize=2", vec![c, b]),
            ("?pageSize=2&page=2", vec![a]),
            ("?pageSize=2&page=3", vec![]),
        ] {
            let reply = fleet.get(&format!("videos{query}"), OTHER).await;
            assert_eq!(reply.ids("videos"), expected, "{query}");
            let total = if query.contains("page") { 3 } else { expected.len() };
            assert_eq!(reply.body["total"], total.to_string(), "{query}");
        }
        let listed = fleet.get("videos", 0).await.body["videos"][1].clone();
        assert!(listed["playbackUrl"].is_null() && listed["thumbnailUrl"].is_string());
        assert_eq!((&listed["tagIds"], &listed["accessTier"]), (&json!(["1", "2"]), &json!(2)));

        let mine = fleet.get("dashboard/videos", OWNER).await;
        assert_eq!(mine.ids("videos"), [hidden, c, draft, b, a]);
        assert_eq!(mine.body["total"], "5");
        assert_eq!(fleet.get("dashboard/videos", OTHER).await.body["total"], "0");
        fleet.get("dashboard/videos", 0).await.refused(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn page_size_and_depth_are_limited() {
    let fleet = Fleet::start(Database::Sqlite).await;
    for (query, field) in [
        ("page=0", "page"),
        ("pageSize=0", "pageSize"),
        ("pageSize=101", "pageSize"),
        ("page=501", "page"),
        ("page=101&pageSize=100", "page"),
        ("page=x", "page"),
        ("channelId=0", "channelId"),
    ] {
        let reply = fleet.get(&format!("videos?{query}"), 0).await;
        assert_eq!(reply.refused(400, "INVALID_PARAMS").field(), field, "{query}");
    }
    assert_eq!(fleet.get("videos?page=100&pageSize=100", 0).await.body, json!({"videos": [], "total": "0"}));
}

#[tokio::test]
async fn ten_categories_are_seeded() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let body = fleet.get("categories", 0).await.body;
        assert_eq!(body["total"], "10");
        assert_eq!(body["categories"][0], json!({"id": "1", "name": "音樂", "slug": "music"}));
        assert_eq!(body["categories"][9], json!({"id": "10", "name": "生活", "slug": "lifestyle"}));
    }
}
