//! The projection, with events in any order.

use std::time::{Duration, Instant};

use fenz_contract::events::v1::{ChannelChanged, ChannelDeleted, VideoChanged, VideoDeleted, VideosImported};
use fenz_testkit::eventually;

use crate::harness::{CHANNEL, Harness, OWNER, all_backends, video};

fn channel(version: i64, name: &str, is_hidden: bool) -> ChannelChanged {
    ChannelChanged {
        channel_id: CHANNEL,
        owner_id: OWNER,
        name: name.into(),
        is_hidden,
        version,
        ..ChannelChanged::default()
    }
}

async fn recommended_ids(harness: &Harness, session: &str) -> Vec<i64> {
    let mut ids = harness.get(&format!("videos/recommended?sessionId={session}"), 0).await.ids("videos");
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn videos_that_are_no_longer_public_are_removed_within_a_second() {
    for (database, cache) in all_backends() {
        let harness = Harness::start(database, cache).await;
        let tag = harness.tag("Tag").await;
        let body = serde_json::json!({"tagIds": [tag.to_string()], "sessionId": "guest-0001"});
        harness.client(0).put("tags/my", &body).await.ok("tags");
        let tagged = |id, version| VideoChanged { tag_ids: vec![tag], ..video(id, version) };
        harness.events.publish(channel(1, "the channel", false)).await;
        let all: Vec<_> = (1..=6).map(|id| tagged(id, 1)).collect();
        harness.events.publish_all(&all).await;
        eventually(async || recommended_ids(&harness, "guest-0001").await == [1, 2, 3, 4, 5, 6]).await;
        let reply = harness.get("videos/recommended", 0).await;
        let first = &reply.body["videos"][0];
        assert_eq!(first["channelName"], "the channel");
        assert!(first["thumbnailUrl"].as_str().unwrap().starts_with("/media/5/"));

        // Removed from existing feeds too.
        let reply = harness.get("videos/recommended", 0).await;
        let seed = reply.text("seed");
        let begin = Instant::now();
        harness.events.publish(VideoChanged { is_published: false, ..tagged(1, 2) }).await;
        harness.events.publish(VideoChanged { is_hidden: true, ..tagged(2, 2) }).await;
        harness.events.publish(VideoChanged { access_tier: 1, ..tagged(3, 2) }).await;
        harness.events.publish(VideoDeleted { video_id: 4, channel_id: CHANNEL, version: 2, occurred_at: None }).await;
        harness.events.publish(VideoChanged { tag_ids: vec![], ..tagged(5, 2) }).await;
        eventually(async || recommended_ids(&harness, "guest-0001").await == [6]).await;
        eventually(async || recommended_ids(&harness, "guest-0002").await == [5, 6]).await;
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
        let mut of_seed = harness.get(&format!("videos/recommended?seed={seed}"), 0).await.ids("videos");
        of_seed.sort_unstable();
        assert_eq!(of_seed, [5, 6]);

        // Older versions change nothing; a newer one restores the video.
        harness.events.publish_all(&all).await;
        harness.events.publish(tagged(1, 3)).await;
        eventually(async || recommended_ids(&harness, "guest-0001").await == [1, 6]).await;

        harness.events.publish(channel(3, "another name", true)).await;
        eventually(async || recommended_ids(&harness, "guest-0001").await.is_empty()).await;
        // A new video of a hidden channel is hidden.
        harness.events.publish(tagged(7, 1)).await;
        harness.events.publish(channel(2, "late", false)).await;
        harness.events.publish(channel(4, "a last name", false)).await;
        eventually(async || recommended_ids(&harness, "guest-0001").await == [1, 6, 7]).await;
        let named = async || harness.get("videos/recommended", 0).await.body["videos"][0]["channelName"].clone();
        eventually(async || named().await == "a last name").await;
        harness
            .events
            .publish(ChannelDeleted { channel_id: CHANNEL, owner_id: OWNER, version: 5, occurred_at: None })
            .await;
        eventually(async || recommended_ids(&harness, "guest-0001").await.is_empty()).await;
    }
}

#[tokio::test]
async fn events_may_repeat_and_come_in_any_order() {
    for (database, cache) in all_backends() {
        let harness = Harness::start(database, cache).await;
        // Deleted before it was created.
        harness.events.publish(VideoDeleted { video_id: 1, channel_id: CHANNEL, version: 4, occurred_at: None }).await;
        let titled = |version, title: &str| VideoChanged { title: title.into(), ..video(2, version) };
        harness.events.publish_all(&[titled(3, "third"), video(1, 3), titled(2, "second"), titled(3, "third")]).await;
        harness.events.publish_all(&[video(1, 3), titled(1, "first"), video(3, 1)]).await;
        eventually(async || recommended_ids(&harness, "guest-0001").await == [2, 3]).await;
        let title = async || {
            let reply = harness.get("videos/recommended?pageSize=100", 0).await;
            let videos = reply.body["videos"].as_array().unwrap();
            videos.iter().find(|v| v["id"] == "2").map(|video| video["title"].clone())
        };
        // An older version may be visible at first, but not after the newest one.
        eventually(async || title().await == Some("third".into())).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(title().await, Some("third".into()));
    }
}

#[tokio::test]
async fn a_rebuild_adds_listed_videos_and_deletes_others() {
    for (database, cache) in all_backends() {
        let harness = Harness::start(database, cache).await;
        harness.events.publish_all(&[video(2, 5), video(9_000, 1)]).await;
        eventually(async || recommended_ids(&harness, "guest-0001").await == [2, 9_000]).await;
        *harness.catalogs.channels.lock().unwrap() = vec![channel(1, "rebuilt", false)];
        // More than a page, and one that is older than the stored version.
        *harness.catalogs.videos.lock().unwrap() = (1..=1_200).map(|id| video(id, 2)).collect();
        assert_eq!(harness.rebuild().await, "1 channels, 1199 videos changed, 1 deleted");
        assert_eq!(harness.rebuild().await, "1 channels, 0 videos changed, 0 deleted");
        harness.catalogs.videos.lock().unwrap().truncate(40);
        assert_eq!(harness.rebuild().await, "1 channels, 0 videos changed, 1160 deleted");
        eventually(async || harness.total("videos/recommended").await == 40).await;
        assert_eq!(harness.get("videos/recommended", 0).await.body["videos"][0]["channelName"], "rebuilt");
    }
}

#[tokio::test]
async fn imported_videos_are_projected_in_one_event_by_version() {
    for (database, cache) in all_backends() {
        let harness = Harness::start(database, cache).await;
        harness.events.publish(channel(1, "the channel", false)).await;
        harness.events.publish(VideoChanged { is_published: false, ..video(2, 2) }).await;
        harness.wait_projected(1, 2).await;
        let mut videos: Vec<_> = (1..=600).map(|id| video(id, 1)).collect();
        // A duplicate within an event does not fail it.
        videos
            .extend([VideoChanged { is_published: false, ..video(4, 3) }, VideoChanged { version: 2, ..video(4, 1) }]);
        let imported = VideosImported { first_video_id: 1, videos };
        harness.events.publish(imported.clone()).await;
        harness.wait_projected(598, 1).await;
        harness.events.publish(VideoChanged { is_published: false, ..video(3, 2) }).await;
        // A repeated event changes nothing.
        harness.events.publish(imported).await;
        let found = async || harness.get("search", 0).await.number("total");
        eventually(async || found().await == 597).await;
        harness.wait_projected(597, 1).await;
        assert_eq!(found().await, 597);
    }
}
