//! Drawings: fair, without repeats, cheap.

use std::collections::{HashMap, HashSet};

use fenz_testkit::Database;
use serde_json::json;

use crate::fleet::{Cache, Fleet, everywhere, prefix};

#[tokio::test]
async fn paging_repeats_nothing() {
    for (database, cache) in everywhere() {
        let fleet = Fleet::start(database, cache).await;
        let tag = fleet.tag("Tag").await;
        fleet.fill(700, |id| if id <= 130 { vec![tag] } else { vec![] }).await;
        let feed = fleet.whole_feed("videos/recommended?", 20).await;
        assert_eq!((feed.len(), feed.iter().collect::<HashSet<_>>().len()), (500, 500));
        let body = json!({"tagIds": [tag.to_string()], "sessionId": "guest-0001"});
        fleet.put("tags/my", &body, 0).await.of("tags");
        let feed = fleet.whole_feed("videos/recommended?sessionId=guest-0001&", 100).await;
        let expected: HashSet<i64> = (1..=130).collect();
        assert_eq!((feed.len(), feed.into_iter().collect::<HashSet<_>>()), (130, expected));

        // A seed that nobody drew, and one of somebody else, draw anew.
        let seed = fleet.get("videos/recommended", 0).await.seed();
        let foreign = fleet.get(&format!("videos/recommended?sessionId=guest-0001&seed={seed}"), 0).await;
        assert_ne!((foreign.seed(), foreign.total()), (seed, 500));
        assert_ne!(fleet.get("videos/recommended?seed=lost", 0).await.seed(), "lost");
        let beyond = fleet.get("videos/recommended?page=2147483647&pageSize=100", 0).await;
        assert!(beyond.ids().is_empty());
    }
}

#[tokio::test]
async fn every_video_of_the_tags_is_equally_likely() {
    // With no videos in memory drawings are made ahead, for pages of up to 20.
    for (cache, cached_videos, page, pages) in
        [(Cache::Memory, "50000", 40, 900), (Cache::Redis, "50000", 40, 900), (Cache::Redis, "0", 20, 1_800)]
    {
        let (mut settings, redis, prefix) = (vec![], std::env::var("FENZ_TEST_REDIS"), prefix());
        settings.push(("recommendation.cached_videos", cached_videos));
        match (cache, &redis) {
            (Cache::Memory, _) => {}
            (Cache::Redis, Ok(url)) => settings.extend([("redis.url", url.as_str()), ("redis.prefix", &prefix)]),
            (Cache::Redis, Err(_)) => continue,
        }
        let fleet = Fleet::start_with(Database::Sqlite, &settings).await;
        let (a, b) = (fleet.tag("A").await, fleet.tag("B").await);
        // 800 of A, 600 of B; 400 are of both.
        fleet
            .fill(1_000, |id| match id {
                1..=400 => vec![a],
                401..=800 => vec![a, b],
                _ => vec![b],
            })
            .await;
        let body = json!({"tagIds": [a.to_string(), b.to_string()], "sessionId": "guest-0001"});
        fleet.put("tags/my", &body, 0).await.of("tags");
        let (mut counts, mut drawn) = (HashMap::new(), 0);
        for _ in 0..pages {
            let path = format!("videos/recommended?sessionId=guest-0001&pageSize={page}");
            let ids = fleet.get(&path, 0).await.ids();
            // One of the tags alone is drawn in half of the cases: those of one
            // tag must be as likely as those of the other, per drawing.
            if ids.iter().any(|id| *id <= 400) && ids.iter().any(|id| *id > 800) {
                drawn += ids.len();
                for id in ids {
                    *counts.entry(id).or_insert(0_u32) += 1;
                }
            }
        }
        let expected = drawn as f64 / 1_000.0;
        let chi: f64 = (1..=1_000)
            .map(|id| (f64::from(counts.get(&id).copied().unwrap_or_default()) - expected).powi(2) / expected)
            .sum();
        // 999 degrees of freedom: 99.99% lie below 1,171.
        assert!(drawn > 8_000 && chi < 1_171.0, "{cache:?} of {cached_videos}: {chi} over {drawn}");
    }
}

#[tokio::test]
async fn what_was_watched_comes_last_unless_turned_off() {
    for (database, cache) in everywhere() {
        let fleet = Fleet::start(database, cache).await;
        fleet.fill(60, |_| vec![]).await;
        *fleet.heard.watched.lock().unwrap() = (1..=20).collect();
        let last = async || {
            let ids = fleet.get("videos/recommended?pageSize=60", 5).await.ids();
            assert_eq!(ids.len(), 60);
            ids[40..].iter().all(|id| *id <= 20)
        };
        for _ in 0..5 {
            assert!(last().await);
        }
        // Asked once a minute.
        assert_eq!(*fleet.heard.watched_asked.lock().unwrap(), 1);
        let off = fleet.put("user/recommendations", &json!({"watchedLast": false}), 5).await.of("settings");
        assert_eq!(off, json!({"watchedLast": false}));
        assert_eq!(fleet.get("user/recommendations", 5).await.of("settings"), off);
        assert!(!last().await);
        assert_eq!(fleet.get("user/recommendations", 6).await.of("settings"), json!({"watchedLast": true}));
    }
}

#[tokio::test]
async fn warm_requests_ask_no_database_and_a_storm_asks_it_once() {
    for (database, cache) in everywhere() {
        let fleet = Fleet::start(database, cache).await;
        fleet.fill(30, |_| vec![]).await;
        fleet.get("videos/recommended?pageSize=100", 0).await.ids();
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        fleet.get("videos/recommended?pageSize=100", 0).await.ids();
        let before = fleet.reads();
        for _ in 0..100 {
            assert_eq!(fleet.get("videos/recommended?pageSize=100", 0).await.ids().len(), 30);
        }
        assert_eq!(fleet.reads(), before, "{database:?} {cache:?}");

        // What changed is read anew, by one of all who ask. Nobody asks until
        // the change is in: what asks is what reads.
        let changed: Vec<_> = (1..=30).map(|id| crate::fleet::video(id, 2)).collect();
        fleet.tell_all(&changed).await;
        fleet.taken_in(30, 2).await;
        let before = fleet.reads();
        let storm = (0..100).map(|_| fleet.get("videos/recommended?pageSize=100", 0));
        for reply in futures_of(storm).await {
            assert_eq!(reply.ids().len(), 30);
        }
        // Redis has the new state already; without it the table is asked once.
        let expected = u64::from(cache == Cache::Memory);
        assert_eq!(fleet.reads() - before, expected, "{database:?} {cache:?}");
    }
}

pub async fn futures_of<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut done = Vec::new();
    // All at once, in the order in which they end.
    while !all.is_empty() {
        let (value, place) = std::future::poll_fn(|context| {
            for (place, future) in all.iter_mut().enumerate() {
                if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                    return std::task::Poll::Ready((value, place));
                }
            }
            std::task::Poll::Pending
        })
        .await;
        all.swap_remove(place);
        done.push(value);
    }
    done
}
