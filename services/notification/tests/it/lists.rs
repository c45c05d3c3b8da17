//! Lists, counts, reading, settings and muting.

use fenz_testkit::{Database, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::Fleet;

const OWNER: i64 = 7;
const A: i64 = 11;
const B: i64 = 12;

#[tokio::test]
async fn a_member_lists_new_videos_and_marks_them_read() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[]).await;
        fleet.membership(A, OWNER, 1, 1).await;
        fleet.until_unread(OWNER, 1).await;
        for (video, title) in [(1, "片 🎬"), (2, "second"), (3, "third")] {
            fleet.new_video(OWNER, video, title).await;
            fleet.until_unread(A, video).await;
        }
        assert_eq!(fleet.unread(B).await, 0);
        let body = fleet.client(A).get("notifications?pageSize=2&page=2").await.body;
        assert_eq!(body["total"], "3");
        let first = body["notifications"][0].clone();
        assert_eq!((&first["message"], &first["type"]), (&json!("片 🎬"), &json!("new_video")));
        assert_eq!(
            (&first["isRead"], &first["payload"]),
            (&json!(false), &json!(r#"{"channelId":"7","videoId":"1"}"#))
        );
        assert!(first["createdAt"].as_str().is_some_and(|at| at.contains('T')));

        let id = first["id"].as_str().unwrap();
        let read = format!("notifications/{id}/read");
        assert_eq!(fleet.client(A).put(&read, &json!({})).await.body, json!({}));
        fleet.client(B).put(&read, &json!({})).await.refused(404, "NOTIFICATION_NOT_FOUND");
        assert_eq!(fleet.unread(A).await, 2);
        fleet.client(A).put("notifications/read-all", &json!({})).await.expect(200);
        assert_eq!(fleet.unread(A).await, 0);
        let all = fleet.client(A).get("notifications").await.body;
        assert!(all["notifications"].as_array().unwrap().iter().all(|item| item["isRead"] == true));

        let owner = fleet.client(OWNER).get("notifications").await.body;
        assert_eq!(owner["notifications"][0]["type"], "subscription");
        let before = fleet.position().await;
        fleet.membership(A, OWNER, 0, 2).await;
        fleet.membership(A, OWNER, 1, 1).await;
        // Each takes a position, the stale one too.
        eventually(async || fleet.position().await >= before + 2).await;
        assert_eq!(fleet.position().await, before + 2);
        assert_eq!(
            fleet.client(A).get("notifications").await.expect(200).body,
            json!({"notifications": [], "total": "0"})
        );
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn settings_change_in_part_and_channels_can_be_muted() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[]).await;
        let all = fleet.client(A).get("notifications/settings").await.body;
        assert_eq!(all["settings"].as_object().unwrap().len(), 8);
        assert!(all["settings"].as_object().unwrap().values().all(|enabled| enabled == true));
        let changed = fleet.client(A).put("notifications/settings", &json!({"videoUpdate": false})).await.body;
        assert_eq!(
            (&changed["settings"]["videoUpdate"], &changed["settings"]["newVideo"]),
            (&json!(false), &json!(true))
        );
        fleet.client(A).put("notifications/settings", &json!({"other": 1})).await.refused(400, "INVALID_PARAMS");
        assert_eq!(fleet.client(A).get("notifications/settings").await.expect(200).body, changed);

        fleet.membership(A, OWNER, 1, 1).await;
        fleet.until_unread(OWNER, 1).await;
        fleet.new_video(OWNER, 1, "one").await;
        fleet.until_unread(A, 1).await;
        fleet.client(A).put("channels/7/mute", &json!({})).await.expect(200);
        assert_eq!(fleet.unread(A).await, 0);
        fleet.client(A).delete("channels/7/mute").await.expect(200);
        assert_eq!(fleet.unread(A).await, 1);
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn bad_requests_are_refused_with_a_reason() {
    let fleet = Fleet::start(Database::Sqlite, &[]).await;
    for path in ["notifications", "notifications/unread-count", "notifications/settings", "notifications/stream"] {
        fleet.client(0).get(path).await.refused(401, "UNAUTHENTICATED");
    }
    for query in ["page=0", "pageSize=101", "page=11&pageSize=100", "page=x"] {
        fleet.client(A).get(&format!("notifications?{query}")).await.refused(400, "INVALID_PARAMS");
    }
    fleet.client(A).put("notifications/0/read", &json!({})).await.refused(400, "INVALID_PARAMS");
    fleet.client(A).put("notifications/5/read", &json!({})).await.refused(404, "NOTIFICATION_NOT_FOUND");
    fleet.client(A).put("channels/0/mute", &json!({})).await.refused(400, "INVALID_PARAMS");
    fleet.client(0).get("notifications/stream?ticket=x").await.refused(401, "TOKEN_INVALID");
    fleet.client(A).get("notifications/stream?lastEventId=x").await.refused(400, "INVALID_PARAMS");
    fleet.client(A).send(Method::POST, "notifications/stream", &Value::Null).await.refused(405, "METHOD_NOT_ALLOWED");
    fleet.sandbox.stop().await;
}
