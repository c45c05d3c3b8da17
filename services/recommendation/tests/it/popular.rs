//! Popular videos.

use fenz_contract::events::v1::{VideoChanged, VideoViews, ViewsCounted};
use fenz_testkit::eventually;

use crate::harness::{Harness, all_backends, video};

fn counted(harness: &Harness, flush_id: i64, hours_ago: i64, videos: &[(i64, i64, i64)]) -> ViewsCounted {
    let hour = harness.sandbox.process.clock.unix() / 3600 - hours_ago;
    let views = |(video_id, non_member, total): &(i64, i64, i64)| VideoViews {
        video_id: *video_id,
        member: 0,
        non_member: *non_member,
        total: *total,
    };
    let hour = Some(pbjson_types::Timestamp { seconds: hour * 3600, nanos: 0 });
    ViewsCounted { flush_id, hour, videos: videos.iter().map(views).collect() }
}

#[tokio::test]
async fn recent_views_weigh_more_and_hidden_videos_are_removed() {
    for (database, cache) in all_backends() {
        let harness = Harness::start(database, cache).await;
        harness.fill(5, |_| vec![]).await;
        // 30 views of two days ago weigh 7.5, 10 current ones weigh 10.
        harness.events.publish(counted(&harness, 1, 48, &[(1, 30, 30), (2, 1, 1)])).await;
        harness.events.publish(counted(&harness, 2, 0, &[(3, 6, 6)])).await;
        harness.events.publish(counted(&harness, 3, 0, &[(3, 4, 10), (4, 12, 12)])).await;
        harness.events.publish(counted(&harness, 4, 10 * 24, &[(5, 1_000, 1_000)])).await;
        let list = async |window: &str| harness.get(&format!("videos/popular{window}"), 0).await;
        eventually(async || list("").await.ids("videos") == [4, 3, 1, 2]).await;
        assert_eq!(list("").await.number("total"), 4);
        eventually(async || list("?window=24h").await.ids("videos") == [4, 3]).await;
        eventually(async || list("?window=30d").await.ids("videos") == [4, 3, 1, 5, 2]).await;
        assert_eq!(list("?window=24h&page=2&pageSize=1").await.ids("videos"), [3]);
        list("?window=1h").await.refused(400, "INVALID_PARAMS");
        list("?page=51").await.refused(400, "INVALID_PARAMS");
        // The highest total counts, in any order of events.
        harness.events.publish(counted(&harness, 5, 0, &[(3, 0, 9)])).await;
        let views = async || list("?window=24h").await.body["videos"][1]["views"].clone();
        eventually(async || views().await == "10").await;
        harness.events.publish(VideoChanged { access_tier: 1, ..video(4, 2) }).await;
        eventually(async || list("").await.ids("videos") == [3, 1, 2]).await;
        eventually(async || list("").await.number("total") == 3).await;
    }
}
