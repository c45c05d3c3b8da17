//! Redis killed, flushed, warm and cold.

use std::collections::HashSet;

use fenz_contract::events::v1::VideoChanged;
use fenz_testkit::{Database, Redis};

use crate::fleet::{Fleet, eventually, video};

/// The set of every public video.
const ALL: &str = "recommendation:tag:all";

#[tokio::test]
async fn killed_and_flushed_in_the_middle() {
    let Some(mut redis) = Redis::start().await else { return };
    for database in Database::available() {
        redis.ask(&["FLUSHALL"]).await;
        let fleet = Fleet::start_with(database, &[("redis.url", &redis.url())]).await;
        fleet.fill(50, |_| vec![]).await;
        assert_eq!(redis.ask(&["ZCARD", ALL]).await, "51");
        redis.ask(&["FLUSHALL"]).await;
        assert_eq!(fleet.get("videos/recommended?pageSize=100", 0).await.ids().len(), 50);
        // An id that is added to a set that is not there makes no set.
        redis.ask(&["FLUSHALL"]).await;
        redis.ask(&["ZADD", ALL, "0", "1"]).await;
        assert_eq!(fleet.get("videos/recommended?pageSize=100", 0).await.ids().len(), 50);

        let seed = fleet.get("videos/recommended", 0).await.seed();
        let feed = format!("recommendation:feed:{seed}");
        eventually(async || redis.ask(&["EXISTS", &feed]).await == "1").await;
        redis.kill();
        let anew = fleet.get(&format!("videos/recommended?pageSize=100&seed={seed}"), 0).await;
        assert_eq!((anew.ids().len(), anew.seed() == seed), (50, false));
        let again = fleet.get(&format!("videos/recommended?pageSize=100&seed={}", anew.seed()), 0).await;
        assert_eq!(again.ids(), anew.ids());
        assert_eq!(fleet.get("videos/popular", 0).await.status, 200);
        // What changes while it is away is true when it is back.
        fleet.tell(VideoChanged { is_hidden: true, ..video(1, 2) }).await;
        fleet.tell(video(51, 1)).await;
        let right = async || {
            let ids = fleet.get("videos/recommended?pageSize=100", 0).await.ids();
            ids.len() == 50 && !ids.contains(&1) && ids.contains(&51)
        };
        eventually(right).await;
        redis.run().await;
        for _ in 0..40 {
            assert!(right().await);
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        // It is used again by itself.
        eventually(async || right().await && redis.ask(&["ZCARD", ALL]).await == "51").await;
        fleet.sandbox.stop().await;
    }
}

/// Nothing is in memory, and many ask for the same: they are drawn for ahead.
#[tokio::test]
async fn what_is_drawn_ahead_is_given_out_once_and_shows_nothing_that_went() {
    let Some(redis) = Redis::start().await else { return };
    let url = redis.url();
    let settings = [("redis.url", url.as_str()), ("recommendation.cached_videos", "0")];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    fleet.fill(60, |_| vec![]).await;
    let mut seeds = HashSet::new();
    for round in 0..20 {
        let gone = [2 * round + 1, 2 * round + 2];
        let hidden = gone.map(|id| VideoChanged { is_hidden: true, ..video(id, 2) });
        fleet.tell_all(&hidden).await;
        let left = 60 - 2 * (round + 1);
        eventually(async || fleet.total("videos/recommended?pageSize=20").await == left).await;
        for _ in 0..20 {
            let page = fleet.get("videos/recommended?pageSize=20", 0).await;
            let (seed, ids) = (page.seed(), page.ids());
            assert!(seeds.insert(seed), "given out twice");
            assert_eq!(ids.len() as i64, left.min(20), "{ids:?}");
            assert!(ids.iter().all(|id| *id > gone[1]), "{ids:?} in round {round}");
        }
    }
}

/// Sets and cards are filled while videos come and go: what is left is true.
#[tokio::test]
async fn no_filling_leaves_what_was_evicted() {
    let Some(redis) = Redis::start().await else { return };
    let fleet = Fleet::start_with(Database::of_a_fleet(), &[("redis.url", &redis.url())]).await;
    let tag = fleet.tag("Tag").await;
    fleet.fill(200, |_| vec![tag]).await;
    for round in 2..12 {
        let is_published = |id: i64| (id + round) % 3 != 0;
        let changes: Vec<_> = (1..=60)
            .map(|id| VideoChanged { is_published: is_published(id), tag_ids: vec![tag], ..video(id, round) })
            .collect();
        fleet.tell_all(&changes).await;
        for _ in 0..10 {
            redis.ask(&["FLUSHALL"]).await;
            fleet.get("videos/recommended?pageSize=100", 0).await.ids();
        }
    }
    let is_published = |id: i64| id > 60 || (id + 11) % 3 != 0;
    let expected: HashSet<i64> = (1..=200).filter(|id| is_published(*id)).collect();
    let members = async || {
        let members = redis.ask(&["ZRANGE", ALL, "0", "-1"]).await;
        let ids = members.lines().filter_map(|line| line.parse::<i64>().ok()).filter(|id| *id > 0);
        ids.collect::<HashSet<_>>()
    };
    // The set is asked for again when what is kept of it is too old.
    let is_filled = async || fleet.total("videos/recommended").await > 0 && !members().await.is_empty();
    eventually(is_filled).await;
    eventually(async || fleet.total("videos/recommended").await == expected.len() as i64).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(members().await, expected);
    for id in 1..=60 {
        let card = redis.ask(&["EXISTS", &format!("recommendation:video:{id}")]).await;
        assert!(is_published(id) || card == "0", "{id}");
    }
}
