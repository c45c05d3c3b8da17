//! Every view that was acknowledged counts once, wherever kill -9 hits.

use std::{ops::Range, time::Duration};

use fenz_core::Clock;
use fenz_testkit::{Client, eventually, id, within};
use futures::{StreamExt, stream};
use sea_orm::{ConnectionTrait, Database};

use crate::{
    hold::{Hold, count},
    platform::Platform,
    videos::{path, publish},
};

const FLUSHES: [&str; 2] = ["SCARD", "content:views:flushes"];

#[tokio::test(flavor = "multi_thread")]
async fn fleet() {
    if fenz_testkit::Server::Nats.url().is_none() || fenz_testkit::Server::Postgres.url().is_none() {
        return;
    }
    // Where Redis takes longer, a view is given up rather than counted twice: a
    // busy machine must not look like that.
    let mut platform = Platform::fleet(&[("FENZ_REDIS__TIMEOUT", "10s")]).await;
    if platform.redis.is_some() {
        stay_within_an_hour().await;
        views_are_exact(&mut platform).await;
    }
}

async fn views_are_exact(platform: &mut Platform) {
    let creator = platform.register("creator").await;
    let made = publish(&creator, "Watched").await;
    let (guest, path, id) = (platform.client.clone(), path(&made), id(&made));
    let watch = |viewers| watch(&guest, &path, viewers);
    let row = format!("videos WHERE id = {id}");

    // In the transaction of a flush, with more views in the next buffer.
    watch(0..20).await;
    let hold = Hold::on(platform, "content", &row).await;
    watch(20..40).await;
    hold.is_waited_for().await;
    watch(40..60).await;
    platform.kill("content").await;
    hold.release().await;
    platform.restart("content");
    // Before a flush: these are in Redis alone.
    watch(60..80).await;
    platform.kill("content").await;
    let hold = Hold::on(platform, "content", &row).await;
    platform.restart("content");
    end_leases(platform).await;

    // Stored, and not yet acknowledged in Redis.
    hold.is_waited_for().await;
    let flushes = "SELECT COUNT(*) AS n FROM view_flushes";
    let db = Database::connect(&platform.databases["content"]).await.unwrap();
    let stored = count(&db, flushes).await;
    let redis = platform.redis.as_ref().unwrap();
    assert_eq!(redis.ask(&["CLIENT", "PAUSE", "60000", "WRITE"]).await, "OK");
    hold.release().await;
    eventually(async || count(&db, flushes).await > stored).await;
    platform.kill("content").await;
    let redis = platform.redis.as_ref().unwrap();
    redis.ask(&["CLIENT", "UNPAUSE"]).await;
    assert_ne!(redis.ask(&FLUSHES).await, "0", "the flush was acknowledged in Redis");
    platform.restart("content");
    end_leases(platform).await;

    // At any moment, while viewers come.
    for (round, first) in [(0, 80), (1, 180), (2, 280)] {
        let dying = async {
            tokio::time::sleep(Duration::from_millis(100 + 300 * round)).await;
            platform.kill("content").await;
            platform.restart("content");
            end_leases(platform).await;
        };
        tokio::join!(watch(first..first + 100), dying);
    }
    let redis = platform.redis.as_ref().unwrap();
    within(Duration::from_secs(20), async || {
        redis.ask(&["EXISTS", "content:views:buffer"]).await == "0" && redis.ask(&FLUSHES).await == "0"
    })
    .await;
    let total = "SELECT views_member + views_non_member AS n FROM videos";
    assert_eq!(count(&db, total).await, 380);
    // Recommendation has counted each flush, and none twice: its numbers come
    // to the sum and never go back.
    let counted = Database::connect(&platform.databases["recommendation"]).await.unwrap();
    let hours = "SELECT CAST(COALESCE(SUM(views), 0) AS BIGINT) AS n FROM view_hours";
    within(Duration::from_secs(15), async || count(&counted, hours).await == 380).await;
    db.close().await.unwrap();
    counted.close().await.unwrap();
}

/// Distinct viewers, each until the video was theirs.
async fn watch(guest: &Client, path: &str, viewers: Range<usize>) {
    let paths = viewers.map(|n| format!("{path}?sessionId=session-{n:04}"));
    stream::iter(paths)
        .for_each_concurrent(4, |path| async move {
            within(Duration::from_secs(30), async || guest.get(&path).await.status == 200).await;
        })
        .await;
}

/// What a dead process holds for the others ends by itself after 15 seconds;
/// nobody waits for that here.
async fn end_leases(platform: &Platform) {
    let db = Database::connect(&platform.databases["content"]).await.unwrap();
    db.execute_unprepared("DELETE FROM leases").await.unwrap();
    db.close().await.unwrap();
}

/// Who asks again in another hour is another view.
async fn stay_within_an_hour() {
    let left = || 3600 - Clock::default().unix() % 3600;
    while left() < 60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
