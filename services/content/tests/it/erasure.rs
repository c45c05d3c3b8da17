//! Erasure of a deleted user.

use std::time::Duration;

use fenz_contract::events::v1::{ChannelDeleted, UserDeleted};
use fenz_testkit::{Database, Reply, eventually};
use reqwest::Method;
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER, channel};

#[tokio::test]
async fn a_deleted_user_is_erased_and_late_events_restore_nothing() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[]).await;
        fleet.events.publish(channel(1, false)).await;
        let videos = [fleet.video(json!({})).await, fleet.video(json!({"publish": false})).await];
        let urls = fleet.get(&format!("videos/{}", videos[0]), 0).await.ok("video");
        let body = json!({"title": "t", "videoUploadId": fleet.upload_video(OWNER).await.to_string()});
        let request = fleet.client(OWNER).request(Method::POST, "/api/v1/videos").header("Idempotency-Key", "k1");
        Reply::of(request.json(&body)).await.ok("video");
        // History with another user's video, and settings.
        let foreign = fleet.video_of(OTHER, json!({})).await;
        fleet.get(&format!("videos/{foreign}"), OWNER).await.ok("video");
        fleet.get(&format!("videos/{}", videos[0]), OTHER).await.ok("video");
        eventually(async || fleet.count("view_records").await == 2).await;
        fleet.client(OWNER).put("user/history/settings", &json!({"enabled": true})).await.expect(200);
        let event = UserDeleted { user_id: OWNER, erasure_id: 3, version: 9, occurred_at: None };
        fleet.events.publish(event).await;
        eventually(async || fleet.reports().len() == 1).await;
        let report = fleet.reports()[0].clone();
        assert_eq!((report.user_id, report.erasure_id, report.service.as_str()), (OWNER, 3, "content"));
        assert!(report.removed >= 6, "{report:?}");
        let left = async || {
            let mut left = fleet.count(&format!("videos WHERE owner_id = {OWNER}")).await;
            left += fleet.count(&format!("view_records WHERE user_id = {OWNER}")).await;
            left += fleet.count(&format!("channel_states WHERE owner_id = {OWNER}")).await;
            left += fleet.count(&format!("history_settings WHERE user_id = {OWNER}")).await;
            left + fleet.count("idempotency_keys").await
        };
        assert_eq!(left().await, 0);
        fleet.file_deleted(&urls["playbackUrl"]).await;
        eventually(async || videos.iter().all(|id| fleet.is_deleted(*id))).await;
        assert_eq!(fleet.public().await, [foreign]);

        // Late events restore nothing.
        fleet.events.publish(channel(20, false)).await;
        fleet
            .events
            .publish(ChannelDeleted { channel_id: OWNER, owner_id: OWNER, version: 21, occurred_at: None })
            .await;
        fleet.get(&format!("videos/{foreign}"), OWNER).await.ok("video");
        fleet.post(&body, OWNER).await.refused(404, "CHANNEL_NOT_FOUND");
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert_eq!(left().await, 0);
        // A repeated erasure is reported again.
        fleet.events.publish(UserDeleted { erasure_id: 4, ..event }).await;
        eventually(async || fleet.reports().len() == 2).await;
        assert_eq!(left().await, 0);
    }
}
