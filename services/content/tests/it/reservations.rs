//! Uploads of requests that were interrupted, and of videos whose events are late.

use fenz_contract::media::v1::{ReserveUploadRequest, UploadUse, upload_use::Object};
use fenz_testkit::{Database, eventually};
use serde_json::json;

use crate::fleet::{Fleet, OWNER};

#[tokio::test]
async fn a_crash_between_reservation_and_video_frees_the_upload() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let upload = fleet.upload_video(OWNER).await;
        // What a process that died had done.
        let request = ReserveUploadRequest {
            upload_id: upload,
            owner_id: OWNER,
            kind: "video".into(),
            used_by: Some(UploadUse { object: Some(Object::VideoId(99)) }),
            reservation_id: 1,
        };
        fleet.uploads().reserve_upload(request).await.unwrap();

        let body = json!({"title": "t", "videoUploadId": upload.to_string()});
        fleet.post(&body, OWNER).await.refused(409, "UPLOAD_ALREADY_USED");
        fleet.settle_reservations().await;
        fleet.post(&body, OWNER).await.ok("video");
    }
}

#[tokio::test]
async fn a_video_whose_event_is_late_keeps_its_files() {
    for database in Database::available() {
        // Without a bus no event arrives.
        let mut fleet = Fleet::start_with(database, &[("content.edit_cooldown", "0s")]).await;
        let video = fleet.video(json!({})).await;
        let picture = fleet.upload_thumbnail(OWNER).await;
        let body = json!({"thumbnailUploadId": picture.to_string()});
        fleet.put(video, &body, OWNER).await.ok("video");
        assert_eq!(fleet.sandbox.count("media", "reservations").await, 2);
        fleet.settle_reservations().await;
        assert_eq!(fleet.sandbox.count("media", "reservations").await, 2);
        let urls = fleet.get(&format!("videos/{video}"), OWNER).await.ok("video");
        let other = fleet.video(json!({})).await;
        fleet.put(other, &body, OWNER).await.refused(409, "UPLOAD_ALREADY_USED");
        // Now they arrive.
        fleet = fleet.with_events().await;
        eventually(async || fleet.count("outbox").await == 0).await;
        eventually(async || fleet.sandbox.count("media", "reservations").await == 0).await;
        assert_eq!((fleet.media(&urls["playbackUrl"]).await, fleet.media(&urls["thumbnailUrl"]).await), (200, 200));
        fleet.publish(video, false, OWNER).await.ok("video");
        fleet.delete(video, OWNER).await;
        fleet.file_deleted(&urls["thumbnailUrl"]).await;
        fleet.file_deleted(&urls["playbackUrl"]).await;
    }
}

#[tokio::test]
async fn a_failed_edit_leaves_its_picture_for_another() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[("content.edit_cooldown", "0s")]).await;
        let videos = [fleet.video(json!({})).await, fleet.video(json!({})).await];
        let picture = fleet.upload_thumbnail(OWNER).await.to_string();
        let body = json!({"thumbnailUploadId": picture, "categoryId": "99"});
        fleet.put(videos[0], &body, OWNER).await.refused(404, "CATEGORY_NOT_FOUND");
        fleet.put(videos[1], &json!({"thumbnailUploadId": picture}), OWNER).await.ok("video");
    }
}
