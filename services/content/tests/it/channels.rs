//! Videos of channels that are hidden, restored, deleted and recreated.

use std::time::Duration;

use fenz_contract::events::v1::{ChannelDeleted, TagDeleted};
use fenz_testkit::{Database, eventually};
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER, channel};

fn deleted(fleet: &Fleet, version: i64) -> ChannelDeleted {
    let occurred_at = Some(fleet.sandbox.process.clock.now().into());
    ChannelDeleted { channel_id: OWNER, owner_id: OWNER, version, occurred_at }
}

#[tokio::test]
async fn a_hidden_channel_hides_its_videos() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[]).await;
        let video = fleet.video(json!({})).await;
        let path = format!("videos/{video}");
        let public = fleet.get(&path, OTHER).await.ok("video");
        fleet.events.publish(channel(2, true)).await;
        eventually(async || fleet.public().await.is_empty()).await;
        eventually(async || fleet.get(&path, OTHER).await.status == 404).await;
        assert_eq!(fleet.get(&format!("videos?channelId={OWNER}"), 0).await.body["total"], "0");

        // Its owner and moderators see it, with insider URLs.
        for reply in [fleet.get(&path, OWNER).await, fleet.moderator().get(&path).await] {
            let video = reply.ok("video");
            assert_eq!(video["isHidden"], json!(true));
            assert_ne!(video["playbackUrl"], public["playbackUrl"]);
            assert_eq!(fleet.media(&video["playbackUrl"]).await, 200);
            assert_eq!(fleet.media(&video["thumbnailUrl"]).await, 200);
        }
        for list in [fleet.get("dashboard/videos", OWNER).await, fleet.moderator().get("admin/videos").await] {
            assert_eq!(list.body["videos"][0]["isHidden"], json!(true));
            assert_eq!(fleet.media(&list.body["videos"][0]["thumbnailUrl"]).await, 200);
        }
        // Late and duplicate events change nothing.
        fleet.events.publish(channel(1, false)).await;
        fleet.events.publish(channel(2, true)).await;
        fleet.events.publish(channel(3, true)).await;
        eventually(async || fleet.count("channel_states WHERE version = 3").await == 1).await;
        assert_eq!(fleet.get(&path, OTHER).await.status, 404);
        fleet.events.publish(channel(4, false)).await;
        eventually(async || fleet.public().await == [video]).await;
        eventually(async || fleet.get(&path, OTHER).await.status == 200).await;
        // Nothing was written to the video.
        assert_eq!(fleet.last(video).unwrap().version, 1);
        assert_eq!(fleet.get(&path, OWNER).await.ok("video")["isHidden"], json!(false));
    }
}

#[tokio::test]
async fn a_deleted_channel_deletes_videos_created_before() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[]).await;
        let old = [fleet.video(json!({})).await, fleet.video(json!({"publish": false})).await];
        let urls = fleet.get(&format!("videos/{}", old[0]), OTHER).await.ok("video");
        let upload = fleet.upload_video(OWNER).await;
        let body = json!({"title": "t", "videoUploadId": upload.to_string(), "publish": true});
        let event = deleted(&fleet, 5);
        fleet.events.publish(event).await;
        eventually(async || fleet.count("videos").await == 0).await;
        fleet.file_deleted(&urls["playbackUrl"]).await;
        fleet.file_deleted(&urls["thumbnailUrl"]).await;
        eventually(async || old.iter().all(|id| fleet.is_deleted(*id))).await;
        fleet.post(&body, OWNER).await.refused(404, "CHANNEL_NOT_FOUND");

        // Recreated, followed by a duplicate and a late deletion.
        fleet.events.publish(channel(6, false)).await;
        eventually(async || fleet.count("channel_states WHERE version = 6").await == 1).await;
        let new = fleet.post(&body, OWNER).await.id("video");
        fleet.events.publish(event).await;
        fleet.events.publish(ChannelDeleted { version: 4, ..event }).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(fleet.public().await, [new]);
        // The cascade is kept for requests in flight, then deleted.
        assert_eq!(fleet.count("cascades").await, 1);
        fleet.sandbox.process.clock.advance(Duration::from_secs(601));
        // Wakes the worker, which does not see the clock turn.
        fleet.events.publish(TagDeleted { tag_id: 99, ..TagDeleted::default() }).await;
        eventually(async || fleet.count("cascades WHERE kind = 1").await == 0).await;
        assert_eq!(fleet.public().await, [new]);
    }
}

#[tokio::test]
async fn a_recreated_channel_keeps_its_videos_when_its_event_is_faster() {
    let fleet = Fleet::start_with_events(Database::of_a_fleet(), &[]).await;
    let old = fleet.video(json!({})).await;
    let event = deleted(&fleet, 5);
    fleet.events.publish(channel(6, false)).await;
    eventually(async || fleet.count("channel_states").await == 1).await;
    let new = fleet.video(json!({})).await;
    fleet.events.publish(event).await;
    eventually(async || fleet.is_deleted(old)).await;
    assert_eq!(fleet.public().await, [new]);
    assert_eq!(fleet.get(&format!("videos/{new}"), OTHER).await.status, 200);
}
