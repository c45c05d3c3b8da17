//! What may be recommended, whatever order events come in.

use std::time::{Duration, Instant};

use fenz_contract::events::v1::{ChannelChanged, ChannelDeleted, VideoChanged, VideoDeleted, VideosImported};

use crate::fleet::{CHANNEL, Fleet, OWNER, eventually, everywhere, video};

fn channel(version: i64, name: &str, is_hidden: bool) -> ChannelChanged {
    ChannelChanged { channel_id: CHANNEL, owner_id: OWNER, name: name.into(), is_hidden, version, occurred_at: None }
}

async fn shown(fleet: &Fleet, tag: &str) -> Vec<i64> {
    let mut ids = fleet.get(&format!("videos/recommended?sessionId={tag}"), 0).await.ids();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn what_ends_being_public_is_out_within_a_second() {
    for (database, cache) in everywhere() {
        let fleet = Fleet::start(database, cache).await;
        let tag = fleet.tag("Tag").await;
        let body = serde_json::json!({"tagIds": [tag.to_string()], "sessionId": "guest-0001"});
        fleet.put("tags/my", &body, 0).await.of("tags");
        let tagged = |id, version| VideoChanged { tag_ids: vec![tag], ..video(id, version) };
        fleet.tell(channel(1, "the channel", false)).await;
        let all: Vec<_> = (1..=6).map(|id| tagged(id, 1)).collect();
        fleet.tell_all(&all).await;
        eventually(async || shown(&fleet, "guest-0001").await == [1, 2, 3, 4, 5, 6]).await;
        let reply = fleet.get("videos/recommended", 0).await;
        let first = &reply.body["videos"][0];
        assert_eq!(first["channelName"], "the channel");
        assert!(first["thumbnailUrl"].as_str().unwrap().starts_with("/media/5/"));

        // Each is out at once, also of a feed that was drawn before.
        let seed = fleet.get("videos/recommended", 0).await.seed();
        let begin = Instant::now();
        fleet.tell(VideoChanged { is_published: false, ..tagged(1, 2) }).await;
        fleet.tell(VideoChanged { is_hidden: true, ..tagged(2, 2) }).await;
        fleet.tell(VideoChanged { access_tier: 1, ..tagged(3, 2) }).await;
        fleet.tell(VideoDeleted { video_id: 4, channel_id: CHANNEL, version: 2, occurred_at: None }).await;
        fleet.tell(VideoChanged { tag_ids: vec![], ..tagged(5, 2) }).await;
        eventually(async || shown(&fleet, "guest-0001").await == [6]).await;
        eventually(async || shown(&fleet, "guest-0002").await == [5, 6]).await;
        assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
        let mut of_seed = fleet.get(&format!("videos/recommended?seed={seed}"), 0).await.ids();
        of_seed.sort_unstable();
        assert_eq!(of_seed, [5, 6]);

        // What was before changes nothing; what is after brings it back.
        fleet.tell_all(&all).await;
        fleet.tell(tagged(1, 3)).await;
        eventually(async || shown(&fleet, "guest-0001").await == [1, 6]).await;

        fleet.tell(channel(3, "another name", true)).await;
        eventually(async || shown(&fleet, "guest-0001").await.is_empty()).await;
        // Of a channel that is hidden nothing comes.
        fleet.tell(tagged(7, 1)).await;
        fleet.tell(channel(2, "late", false)).await;
        fleet.tell(channel(4, "a last name", false)).await;
        eventually(async || shown(&fleet, "guest-0001").await == [1, 6, 7]).await;
        let named = async || fleet.get("videos/recommended", 0).await.body["videos"][0]["channelName"].clone();
        eventually(async || named().await == "a last name").await;
        fleet.tell(ChannelDeleted { channel_id: CHANNEL, owner_id: OWNER, version: 5, occurred_at: None }).await;
        eventually(async || shown(&fleet, "guest-0001").await.is_empty()).await;
    }
}

#[tokio::test]
async fn events_may_come_twice_and_in_any_order() {
    for (database, cache) in everywhere() {
        let fleet = Fleet::start(database, cache).await;
        // The end before the beginning.
        fleet.tell(VideoDeleted { video_id: 1, channel_id: CHANNEL, version: 4, occurred_at: None }).await;
        let titled = |version, title: &str| VideoChanged { title: title.into(), ..video(2, version) };
        fleet.tell_all(&[titled(3, "third"), video(1, 3), titled(2, "second"), titled(3, "third")]).await;
        fleet.tell_all(&[video(1, 3), titled(1, "first"), video(3, 1)]).await;
        eventually(async || shown(&fleet, "guest-0001").await == [2, 3]).await;
        let title = async || {
            let reply = fleet.get("videos/recommended?pageSize=100", 0).await;
            let videos = reply.body["videos"].as_array().unwrap();
            videos.iter().find(|v| v["id"] == "2").map(|video| video["title"].clone())
        };
        // Told last to first, so an older one may be seen on the way, but not after.
        eventually(async || title().await == Some("third".into())).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(title().await, Some("third".into()));
    }
}

#[tokio::test]
async fn a_rebuild_brings_what_is_there_and_takes_what_is_not() {
    for (database, cache) in everywhere() {
        let fleet = Fleet::start(database, cache).await;
        fleet.tell_all(&[video(2, 5), video(9_000, 1)]).await;
        eventually(async || shown(&fleet, "guest-0001").await == [2, 9_000]).await;
        *fleet.heard.channels.lock().unwrap() = vec![channel(1, "rebuilt", false)];
        // More than a page, and one that is older than what is known.
        *fleet.heard.videos.lock().unwrap() = (1..=1_200).map(|id| video(id, 2)).collect();
        assert_eq!(fleet.rebuild().await, "1 channels, 1199 videos changed, 1 gone");
        assert_eq!(fleet.rebuild().await, "1 channels, 0 videos changed, 0 gone");
        fleet.heard.videos.lock().unwrap().truncate(40);
        assert_eq!(fleet.rebuild().await, "1 channels, 0 videos changed, 1160 gone");
        eventually(async || fleet.total("videos/recommended").await == 40).await;
        assert_eq!(fleet.get("videos/recommended", 0).await.body["videos"][0]["channelName"], "rebuilt");
    }
}

#[tokio::test]
async fn imported_videos_come_together_and_each_by_its_version() {
    for (database, cache) in everywhere() {
        let fleet = Fleet::start(database, cache).await;
        fleet.tell(channel(1, "the channel", false)).await;
        fleet.tell(VideoChanged { is_published: false, ..video(2, 2) }).await;
        fleet.taken_in(1, 2).await;
        let mut videos: Vec<_> = (1..=600).map(|id| video(id, 1)).collect();
        // Nobody should tell one twice; whoever does holds nothing up.
        videos
            .extend([VideoChanged { is_published: false, ..video(4, 3) }, VideoChanged { version: 2, ..video(4, 1) }]);
        let imported = VideosImported { first_video_id: 1, videos };
        fleet.tell(imported.clone()).await;
        fleet.taken_in(598, 1).await;
        fleet.tell(VideoChanged { is_published: false, ..video(3, 2) }).await;
        // Told again it changes nothing.
        fleet.tell(imported).await;
        let found = async || fleet.get("search", 0).await.total();
        eventually(async || found().await == 597).await;
        fleet.taken_in(597, 1).await;
        assert_eq!(found().await, 597);
    }
}
