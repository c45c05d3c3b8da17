//! Redis killed, flushed and refilled.

use std::collections::HashSet;

use fenz_contract::events::v1::VideoChanged;
use fenz_testkit::{Database, Redis, eventually};

use crate::harness::{Harness, video};

/// The key of the set of all public videos.
const ALL: &str = "recommendation:tag:all";

#[tokio::test]
async fn redis_killed_and_flushed_during_requests() {
    let Some(mut redis) = Redis::start().await else { return };
    for database in Database::available() {
        redis.ask(&["FLUSHALL"]).await;
        let harness = Harness::start_with(database, &[("redis.url", &redis.url())]).await;
        harness.fill(50, |_| vec![]).await;
        let is_filled = async || {
            harness.get("videos/recommended?pageSize=100", 0).await.expect(200);
            redis.ask(&["ZCARD", ALL]).await == "51"
        };
        eventually(is_filled).await;
        redis.ask(&["FLUSHALL"]).await;
        assert_eq!(harness.get("videos/recommended?pageSize=100", 0).await.ids("videos").len(), 50);
        // A set without its sentinel is not used.
        redis.ask(&["FLUSHALL"]).await;
        redis.ask(&["ZADD", ALL, "0", "1"]).await;
        assert_eq!(harness.get("videos/recommended?pageSize=100", 0).await.ids("videos").len(), 50);

        let reply = harness.get("videos/recommended", 0).await;
        let seed = reply.text("seed");
        let feed = format!("recommendation:feed:{seed}");
        eventually(async || redis.ask(&["EXISTS", &feed]).await == "1").await;
        redis.kill();
        let new = harness.get(&format!("videos/recommended?pageSize=100&seed={seed}"), 0).await;
        assert_eq!((new.ids("videos").len(), new.text("seed") == seed), (50, false));
        let again = harness.get(&format!("videos/recommended?pageSize=100&seed={}", new.text("seed")), 0).await;
        assert_eq!(again.ids("videos"), new.ids("videos"));
        assert_eq!(harness.get("videos/popular", 0).await.status, 200);
        // Changes while it is down are applied when it is back.
        harness.events.publish(VideoChanged { is_hidden: true, ..video(1, 2) }).await;
        harness.events.publish(video(51, 1)).await;
        let right = async || {
            let ids = harness.get("videos/recommended?pageSize=100", 0).await.ids("videos");
            ids.len() == 50 && !ids.contains(&1) && ids.contains(&51)
        };
        eventually(right).await;
        redis.run().await;
        for _ in 0..40 {
            assert!(right().await);
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        // It is used again without a restart.
        eventually(async || right().await && redis.ask(&["ZCARD", ALL]).await == "51").await;
        harness.sandbox.stop().await;
    }
}

/// No summaries in memory and repeated requests: feeds are prefetched.
#[tokio::test]
async fn prefetched_feeds_are_used_once_and_show_no_hidden_videos() {
    let Some(redis) = Redis::start().await else { return };
    let url = redis.url();
    let settings = [("redis.url", url.as_str()), ("redis.timeout", "10s"), ("recommendation.cached_videos", "0")];
    let harness = Harness::start_with(Database::of_a_fleet(), &settings).await;
    harness.fill(60, |_| vec![]).await;
    let mut seeds = HashSet::new();
    for round in 0..20 {
        let removed = [2 * round + 1, 2 * round + 2];
        let hidden = removed.map(|id| VideoChanged { is_hidden: true, ..video(id, 2) });
        harness.events.publish_all(&hidden).await;
        let left = 60 - 2 * (round + 1);
        eventually(async || harness.total("videos/recommended?pageSize=20").await == left).await;
        for _ in 0..20 {
            let page = harness.get("videos/recommended?pageSize=20", 0).await;
            let ids = page.ids("videos");
            assert!(seeds.insert(page.text("seed").to_owned()), "used twice");
            assert_eq!(ids.len() as i64, left.min(20), "{ids:?}");
            assert!(ids.iter().all(|id| *id > removed[1]), "{ids:?} in round {round}");
        }
    }
}

/// Sets and summaries are filled while videos are published and unpublished.
#[tokio::test]
async fn no_filling_leaves_what_was_evicted() {
    let Some(redis) = Redis::start().await else { return };
    // Redis is slow at times, but not away.
    let url = redis.url();
    let settings = [("redis.url", url.as_str()), ("redis.timeout", "10s")];
    let harness = Harness::start_with(Database::of_a_fleet(), &settings).await;
    let tag = harness.tag("Tag").await;
    harness.fill(200, |_| vec![tag]).await;
    let members = async || {
        let members = redis.ask(&["ZRANGE", ALL, "0", "-1"]).await;
        let ids = members.lines().filter_map(|line| line.parse::<i64>().ok()).filter(|id| *id > 0);
        ids.collect::<HashSet<_>>()
    };
    for version in 2..12 {
        let is_published = |id: i64| id > 60 || (id + version) % 3 != 0;
        let change = |id| VideoChanged { is_published: is_published(id), tag_ids: vec![tag], ..video(id, version) };
        harness.events.publish_all(&(1..=60).map(change).collect::<Vec<_>>()).await;
        // The last fill counts: in each round it meets another part of the events.
        let projected = async || harness.count(&format!("videos WHERE version = {version}")).await;
        while projected().await < 5 * (version - 1) {
            redis.ask(&["FLUSHALL"]).await;
            // Not filled at once while a copy is in memory.
            eventually(async || {
                harness.get("videos/recommended?pageSize=100", 0).await.ids("videos");
                !members().await.is_empty()
            })
            .await;
        }
        // The total says nothing: it is the same after each round.
        eventually(async || projected().await == 60 && harness.count("evictions").await == 0).await;
        let expected: HashSet<i64> = (1..=200).filter(|id| is_published(*id)).collect();
        assert_eq!(members().await, expected, "round {version}");
        eventually(async || harness.total("videos/recommended").await == expected.len() as i64).await;
        for id in 1..=60 {
            let summary = redis.ask(&["EXISTS", &format!("recommendation:video:{id}")]).await;
            assert!(is_published(id) || summary == "0", "{id} in round {version}");
        }
    }
}
