//! Creating videos.

use fenz_testkit::{Database, Reply, id};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{Fleet, OTHER, OWNER};

#[tokio::test]
async fn a_video_has_the_requested_fields() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let (upload, picture) = (fleet.upload_video(OWNER).await, fleet.upload_thumbnail(OWNER).await);
        let body = json!({
            "title": "一個 🎬 title", "description": "d".repeat(10_000), "categoryId": "3", "tagIds": ["9", "2", "5"],
            "videoUploadId": upload.to_string(), "thumbnailUploadId": picture.to_string(), "accessTier": 1,
        });
        let reply = fleet.post(&body, OWNER).await;
        assert_eq!(reply.headers["etag"], "\"1\"");
        let video = reply.ok("video");
        for key in ["title", "description", "categoryId", "tagIds", "accessTier"] {
            assert_eq!(video[key], body[key], "{key}");
        }
        for (key, value) in [
            ("channelId", json!("7")),
            ("ownerId", json!("7")),
            ("isPublished", json!(false)),
            ("isHidden", json!(false)),
            ("views", json!("0")),
            ("durationSeconds", json!(1)),
            ("width", json!(160)),
            ("height", json!(120)),
            ("publishedAt", Value::Null),
        ] {
            assert_eq!(video[key], value, "{key}");
        }
        assert_eq!(fleet.media(&video["playbackUrl"]).await, 200);
        assert_eq!(fleet.media(&video["thumbnailUrl"]).await, 200);
        let read = fleet.get(&format!("videos/{}", id(&video)), OWNER).await.ok("video");
        assert_eq!((&read["createdAt"], &read["tagIds"]), (&video["createdAt"], &video["tagIds"]));
    }
}

#[tokio::test]
async fn the_default_thumbnail_is_the_poster() {
    let fleet = Fleet::start(Database::Sqlite).await;
    let video = fleet.video(json!({})).await;
    let video = fleet.get(&format!("videos/{video}"), 0).await.ok("video");
    assert_eq!(fleet.media(&video["thumbnailUrl"]).await, 200);
    assert!(video["publishedAt"].is_string());
}

#[tokio::test]
async fn uploads_must_be_owned_and_unused() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let (upload, foreign) = (fleet.upload_video(OWNER).await, fleet.upload_video(OTHER).await);
        let picture = fleet.upload_thumbnail(OTHER).await;
        let body = |upload: i64| json!({"title": "t", "videoUploadId": upload.to_string()});

        let reply = fleet.post(&body(foreign), OWNER).await;
        assert_eq!(reply.refused(404, "UPLOAD_NOT_FOUND").field(), "videoUploadId");
        fleet.post(&body(12_345), OWNER).await.refused(404, "UPLOAD_NOT_FOUND");
        let mut with_foreign_picture = body(upload);
        with_foreign_picture["thumbnailUploadId"] = json!(picture.to_string());
        let reply = fleet.post(&with_foreign_picture, OWNER).await;
        assert_eq!(reply.refused(404, "UPLOAD_NOT_FOUND").field(), "thumbnailUploadId");
        let mut in_no_category = body(upload);
        in_no_category["categoryId"] = json!("99");
        let reply = fleet.post(&in_no_category, OWNER).await;
        assert_eq!(reply.refused(404, "CATEGORY_NOT_FOUND").field(), "categoryId");

        // A rejected request has released its reservation.
        let video = fleet.post(&body(upload), OWNER).await.ok("video");
        let reply = fleet.post(&body(upload), OWNER).await;
        assert_eq!(reply.refused(409, "UPLOAD_ALREADY_USED").field(), "videoUploadId");
        assert_eq!(fleet.media(&video["playbackUrl"]).await, 200);
        assert_eq!(fleet.count("videos").await, 1);
    }
}

async fn post_with_key(fleet: &Fleet, key: &str, body: &Value, user: i64) -> Reply {
    let request = fleet.client(user).request(Method::POST, "/api/v1/videos");
    Reply::of(request.header("Idempotency-Key", key).json(body)).await
}

#[tokio::test]
async fn a_retry_with_the_same_key_creates_no_second_video() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let upload = fleet.upload_video(OWNER).await;
        let body = json!({"title": "t", "videoUploadId": upload.to_string(), "tagIds": ["1"]});
        let requests = (0..8).map(|_| post_with_key(&fleet, "k1", &body, OWNER));
        let replies = futures::future::join_all(requests).await;
        let ids: Vec<_> = replies.into_iter().map(|r| r.id("video")).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(post_with_key(&fleet, "k1", &body, OWNER).await.id("video"), ids[0]);
        assert_eq!(fleet.count("videos").await, 1);
        // Reservations of the slower requests end and free nothing.
        fleet.settle_reservations().await;
        let video = fleet.get(&format!("videos/{}", ids[0]), OWNER).await.ok("video");
        assert_eq!(fleet.media(&video["playbackUrl"]).await, 200);

        let other = json!({"title": "u", "videoUploadId": upload.to_string(), "tagIds": ["1"]});
        post_with_key(&fleet, "k1", &other, OWNER).await.refused(409, "IDEMPOTENCY_KEY_REUSED");
        // Keys are scoped to a user.
        post_with_key(&fleet, "k1", &other, OTHER).await.refused(404, "UPLOAD_NOT_FOUND");
        for bad in [String::new(), "k".repeat(129)] {
            post_with_key(&fleet, &bad, &body, OWNER).await.refused(400, "INVALID_PARAMS");
        }
        // Keys expire after a day.
        fleet.sandbox.process.clock.advance(std::time::Duration::from_secs(24 * 3600 + 1));
        post_with_key(&fleet, "k1", &other, OWNER).await.refused(409, "UPLOAD_ALREADY_USED");
    }
}

#[tokio::test]
async fn a_rejected_request_does_not_use_its_key() {
    let fleet = Fleet::start(Database::of_a_fleet()).await;
    let bad = json!({"title": "t", "videoUploadId": "12345"});
    post_with_key(&fleet, "k1", &bad, OWNER).await.refused(404, "UPLOAD_NOT_FOUND");
    let good = json!({"title": "t", "videoUploadId": fleet.upload_video(OWNER).await.to_string()});
    post_with_key(&fleet, "k1", &good, OWNER).await.ok("video");
}

#[tokio::test]
async fn errors_name_invalid_fields() {
    let fleet = Fleet::start(Database::Sqlite).await;
    let good = json!({"title": "t", "videoUploadId": "1"});
    for (field, value, reason) in [
        ("title", json!(""), "INVALID_PARAMS"),
        ("title", json!("t".repeat(201)), "INVALID_PARAMS"),
        ("description", json!("d".repeat(10_001)), "INVALID_PARAMS"),
        ("tagIds", json!(["1", "2", "3", "4", "5", "6"]), "TAG_LIMIT_EXCEEDED"),
        ("accessTier", json!(3), "INVALID_PARAMS"),
        ("videoUploadId", json!("0"), "INVALID_PARAMS"),
        ("videoUploadId", json!("x"), "INVALID_PARAMS"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let reply = fleet.post(&body, OWNER).await;
        assert_eq!(reply.refused(400, reason).field(), field);
    }
    let unknown = json!({"title": "t", "videoUploadId": "1", "ownerId": "9"});
    fleet.post(&unknown, OWNER).await.refused(400, "INVALID_PARAMS");
    fleet.post(&good, 0).await.refused(401, "UNAUTHENTICATED");
    assert_eq!(fleet.count("videos").await, 0);
}
