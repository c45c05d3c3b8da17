//! Editing, publishing, deleting.

use std::time::Duration;

use fenz_testkit::{Database, Reply, id};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{Fleet, OTHER, OWNER};

const COOLDOWN: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_new_video_has_an_edit_cooldown() {
    let fleet = Fleet::start(Database::Sqlite).await;
    let clock = &fleet.sandbox.process.clock;
    let before = clock.unix();
    let video = fleet.video(json!({"publish": false})).await;
    clock.advance(COOLDOWN.saturating_sub(Duration::from_secs(30)));
    for reply in [fleet.put(video, &json!({"title": "u"}), OWNER).await, fleet.delete(video, OWNER).await] {
        let left: i64 = reply.refused(400, "EDIT_COOLDOWN").header("retry-after").parse().unwrap();
        assert!((before + 600 - clock.unix()..=30).contains(&left), "{left}");
        assert_eq!(reply.detail("ErrorInfo")["metadata"]["retryAfterSeconds"], left.to_string());
    }
    // Publishing has no cooldown.
    fleet.publish(video, true, OWNER).await.ok("video");
    fleet.delete(video, OWNER).await.refused(400, "VIDEO_NOT_UNPUBLISHED");
    fleet.publish(video, false, OWNER).await.ok("video");
    clock.advance(Duration::from_secs(31));
    assert_eq!(fleet.put(video, &json!({"title": "u"}), OWNER).await.ok("video")["title"], "u");
    assert_eq!(fleet.delete(video, OWNER).await.status, 200);
}

#[tokio::test]
async fn omitted_fields_stay() {
    for database in Database::available() {
        let fleet = Fleet::start_with(database, &[("content.edit_cooldown", "0s")]).await;
        let all = json!({"description": "d", "categoryId": "2", "tagIds": ["5", "3"], "accessTier": 0});
        let video = fleet.video(all).await;
        let fields =
            |video: &Value| ["title", "description", "categoryId", "tagIds", "accessTier"].map(|f| video[f].clone());
        let edit = async |body: Value| fields(&fleet.put(video, &body, OWNER).await.ok("video"));
        let t = json!("片 🎬");
        assert_eq!(edit(json!({})).await, [t.clone(), json!("d"), json!("2"), json!(["5", "3"]), json!(0)]);
        assert_eq!(
            edit(json!({"title": "u"})).await,
            [json!("u"), json!("d"), json!("2"), json!(["5", "3"]), json!(0)]
        );
        assert_eq!(edit(json!({"tagIds": ["3", "9"]})).await[3], json!(["3", "9"]));
        assert_eq!(edit(json!({"tagIds": []})).await[3], json!([]));
        assert_eq!(edit(json!({"categoryId": "0", "description": ""})).await[1..3], [json!(""), json!("0")]);
        assert_eq!(edit(json!({"accessTier": 2})).await, [json!("u"), json!(""), json!("0"), json!([]), json!(2)]);
        let read = fleet.get(&format!("videos/{video}"), OWNER).await;
        // An empty edit does not change the version.
        assert_eq!(read.headers["etag"], "\"6\"");
        assert_eq!(read.ok("video")["title"], "u");

        let reply = fleet.put(video, &json!({"categoryId": "99"}), OWNER).await;
        assert_eq!(reply.refused(404, "CATEGORY_NOT_FOUND").field(), "categoryId");
        for bad in [json!({"title": null}), json!({"title": ""}), json!({"ownerId": "8"}), json!({"accessTier": 3})] {
            fleet.put(video, &bad, OWNER).await.refused(400, "INVALID_PARAMS");
        }
    }
}

#[tokio::test]
async fn if_match_rejects_an_edit_of_an_old_version() {
    let fleet = Fleet::start_with(Database::of_a_fleet(), &[("content.edit_cooldown", "0s")]).await;
    let video = fleet.video(json!({})).await;
    let put = async |if_match: &str| -> Reply {
        let request = fleet.client(OWNER).request(Method::PUT, &format!("/api/v1/videos/{video}"));
        Reply::of(request.header("If-Match", if_match).json(&json!({"title": if_match}))).await
    };
    assert_eq!(put("\"1\"").await.headers["etag"], "\"2\"");
    put("\"1\"").await.refused(412, "VERSION_MISMATCH");
    assert_eq!(put("W/\"2\"").await.status, 200);
    assert_eq!(put("\"9\", \"3\"").await.status, 200);
    assert_eq!(put("*").await.status, 200);
    // Of concurrent edits of the same version one succeeds.
    let replies = futures::future::join_all((0..6).map(|_| put("\"5\""))).await;
    assert_eq!(replies.iter().filter(|r| r.status == 200).count(), 1);
    assert!(replies.iter().all(|r| r.status == 200 || r.reason() == "VERSION_MISMATCH"));
}

#[tokio::test]
async fn a_new_thumbnail_replaces_the_old_one() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[("content.edit_cooldown", "0s")]).await;
        let video = fleet.video(json!({})).await;
        let poster = fleet.get(&format!("videos/{video}"), OWNER).await.ok("video")["thumbnailUrl"].clone();
        let picture = fleet.upload_thumbnail(OWNER).await;
        let body = json!({"thumbnailUploadId": picture.to_string()});
        let edited = fleet.put(video, &body, OWNER).await.ok("video");
        assert_eq!(fleet.media(&edited["thumbnailUrl"]).await, 200);
        fleet.file_deleted(&poster).await;
        // Setting the same thumbnail again keeps its file.
        let edited = fleet.put(video, &body, OWNER).await.ok("video");
        assert_eq!(fleet.media(&edited["thumbnailUrl"]).await, 200);
        assert_eq!(fleet.media(&edited["playbackUrl"]).await, 200);

        let foreign = fleet.upload_thumbnail(OTHER).await;
        let reply = fleet.put(video, &json!({"thumbnailUploadId": foreign.to_string()}), OWNER).await;
        assert_eq!(reply.refused(404, "UPLOAD_NOT_FOUND").field(), "thumbnailUploadId");
        let used = json!({"thumbnailUploadId": picture.to_string()});
        let other = fleet.video(json!({})).await;
        fleet.put(other, &used, OWNER).await.refused(409, "UPLOAD_ALREADY_USED");
        assert_eq!(fleet.media(&edited["thumbnailUrl"]).await, 200);
    }
}

#[tokio::test]
async fn publishing_is_idempotent_and_keeps_the_first_time() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let video = fleet.video(json!({"publish": false})).await;
        let path = format!("videos/{video}");
        assert_eq!(fleet.get(&path, OTHER).await.status, 404);
        let first = fleet.publish(video, true, OWNER).await.ok("video");
        assert_eq!(fleet.get(&path, OTHER).await.status, 200);
        assert_eq!(fleet.publish(video, true, OWNER).await.headers["etag"], "\"2\"");
        fleet.publish(video, false, OWNER).await.ok("video");
        assert_eq!(fleet.get(&path, OTHER).await.status, 404);
        let again = fleet.publish(video, true, OWNER).await.ok("video");
        assert_eq!((&again["publishedAt"], &again["isPublished"]), (&first["publishedAt"], &json!(true)));
        let empty = fleet.client(OWNER).patch(&format!("{path}/publish"), &json!({})).await;
        assert_eq!(empty.refused(400, "INVALID_PARAMS").field(), "published");
    }
}

#[tokio::test]
async fn deleting_a_video_deletes_its_files() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[("content.edit_cooldown", "0s")]).await;
        let created = fleet.video(json!({"tagIds": ["1"], "publish": false})).await;
        let video = fleet.get(&format!("videos/{created}"), OWNER).await.ok("video");
        assert_eq!(id(&video), created);
        assert_eq!(fleet.delete(created, OWNER).await.status, 200);
        fleet.get(&format!("videos/{created}"), OWNER).await.refused(404, "VIDEO_NOT_FOUND");
        fleet.file_deleted(&video["playbackUrl"]).await;
        fleet.file_deleted(&video["thumbnailUrl"]).await;
        assert_eq!(fleet.count("video_tags").await + fleet.count("videos").await, 0);
        fleet.delete(created, OWNER).await.refused(404, "VIDEO_NOT_FOUND");
    }
}
