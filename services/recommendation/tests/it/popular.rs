//! What is watched.

use fenz_contract::events::v1::{VideoChanged, VideoViews, ViewsCounted};

use crate::fleet::{Fleet, eventually, everywhere, video};

fn counted(fleet: &Fleet, flush_id: i64, hours_ago: i64, videos: &[(i64, i64, i64)]) -> ViewsCounted {
    let hour = fleet.sandbox.process.clock.unix() / 3600 - hours_ago;
    let of = |(video_id, non_member, total): &(i64, i64, i64)| VideoViews {
        video_id: *video_id,
        member: 0,
        non_member: *non_member,
        total: *total,
    };
    let hour = Some(pbjson_types::Timestamp { seconds: hour * 3600, nanos: 0 });
    ViewsCounted { flush_id, hour, videos: videos.iter().map(of).collect() }
}

#[tokio::test]
async fn late_views_count_more_and_what_is_gone_is_out() {
    for (database, cache) in everywhere() {
        let fleet = Fleet::start(database, cache).await;
        fleet.fill(5, |_| vec![]).await;
        // Two days ago 30 views count 7.5, now 10 count 10.
        fleet.tell(counted(&fleet, 1, 48, &[(1, 30, 30), (2, 1, 1)])).await;
        fleet.tell(counted(&fleet, 2, 0, &[(3, 6, 6)])).await;
        fleet.tell(counted(&fleet, 3, 0, &[(3, 4, 10), (4, 12, 12)])).await;
        fleet.tell(counted(&fleet, 4, 10 * 24, &[(5, 1_000, 1_000)])).await;
        let list = async |window: &str| fleet.get(&format!("videos/popular{window}"), 0).await;
        eventually(async || list("").await.ids() == [4, 3, 1, 2]).await;
        assert_eq!(list("").await.total(), 4);
        eventually(async || list("?window=24h").await.ids() == [4, 3]).await;
        eventually(async || list("?window=30d").await.ids() == [4, 3, 1, 5, 2]).await;
        assert_eq!(list("?window=24h&page=2&pageSize=1").await.ids(), [3]);
        list("?window=1h").await.refused(400, "INVALID_PARAMS");
        list("?page=51").await.refused(400, "INVALID_PARAMS");
        // Totals as of the last count, in whatever order counts come.
        fleet.tell(counted(&fleet, 5, 0, &[(3, 0, 9)])).await;
        let views = async || list("?window=24h").await.body["videos"][1]["views"].clone();
        eventually(async || views().await == "10").await;
        fleet.tell(VideoChanged { access_tier: 1, ..video(4, 2) }).await;
        eventually(async || list("").await.ids() == [3, 1, 2]).await;
        eventually(async || list("").await.total() == 3).await;
    }
}
