//! Feeds by their seeds, for half an hour: in Redis, else in memory.
//!
//! A feed is stored as its first ids, and completely once somebody pages beyond
//! them: most never do, and the first ids are a twentieth of it. Both are written
//! once. The first ids are written to Redis behind the reply: whoever asks
//! another replica for the next page before that, or loses the replica, gets a
//! new feed, as with any unknown seed.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use fenz_cache::{Redis, Script, cmd, pipe};
use fenz_core::Random;
use moka::sync::Cache;
use prost::Message;
use tokio::sync::Notify;

use crate::domain::{VideoId, sampling::Ids};

const TTL: Duration = Duration::from_secs(30 * 60);
/// Bytes of feeds in memory.
const MAX_MEMORY: u64 = 64 << 20;
/// Feeds that wait to be written to Redis; more stay in memory.
const MAX_PENDING: usize = 10_000;
/// How long a batch for Redis is collected.
const BATCH_DELAY: Duration = Duration::from_millis(5);
const BATCH_SIZE: usize = 200;

/// Writes a value if there is none, and returns the stored one.
const GET_OR_SET: &str = r"
local stored = redis.call('GET', KEYS[1])
if stored then return stored end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return ARGV[1]
";

/// A feed with its first ids.
#[derive(Clone, PartialEq, Message)]
pub struct Feed {
    /// The key of the viewer that it was made for.
    #[prost(string, tag = "1")]
    pub viewer: String,
    /// The tags that it was sampled from; none means all videos.
    #[prost(int64, repeated, tag = "2")]
    pub tags: Vec<i64>,
    /// The number of ids of the complete feed.
    #[prost(uint32, tag = "3")]
    pub total: u32,
    #[prost(sfixed64, repeated, tag = "4")]
    pub ids: Vec<i64>,
}

impl Feed {
    /// Some of its first ids.
    pub fn ids(&self, range: Range<usize>) -> Vec<VideoId> {
        self.ids[range].iter().copied().map(VideoId).collect()
    }
}

/// All ids of a feed.
#[derive(Clone, PartialEq, Message)]
struct CompleteFeed {
    #[prost(sfixed64, repeated, tag = "1")]
    ids: Vec<i64>,
}

impl CompleteFeed {
    fn into_ids(self) -> Ids {
        Arc::new(self.ids.into_iter().map(VideoId).collect())
    }
}

pub struct FeedStore {
    redis: Option<Redis>,
    random: Random,
    /// Feeds that are not in Redis yet.
    pending: Mutex<HashMap<String, Arc<Feed>>>,
    added: Notify,
    feeds: Cache<String, Arc<Feed>>,
    complete: Cache<String, Ids>,
    get_or_set: Script,
}

impl FeedStore {
    pub fn new(redis: Option<Redis>, random: Random) -> Self {
        let bytes = |ids: usize| (ids * 8 + 200) as u32;
        Self {
            redis,
            random,
            pending: Mutex::default(),
            added: Notify::new(),
            feeds: Cache::builder()
                .weigher(move |_, feed: &Arc<Feed>| bytes(feed.ids.len()))
                .max_capacity(MAX_MEMORY)
                .time_to_live(TTL)
                .build(),
            complete: Cache::builder()
                .weigher(move |_, ids: &Ids| bytes(ids.len()))
                .max_capacity(MAX_MEMORY)
                .time_to_live(TTL)
                .build(),
            get_or_set: Script::new(GET_OR_SET),
        }
    }

    /// Stores a feed and returns its seed.
    pub fn insert(&self, feed: Arc<Feed>) -> String {
        let seed = BASE64_URL_SAFE_NO_PAD.encode(self.random.value::<[u8; 16]>());
        let mut pending = self.pending();
        if self.redis.is_some() && pending.len() < MAX_PENDING {
            pending.insert(seed.clone(), feed);
            drop(pending);
            self.added.notify_one();
        } else {
            drop(pending);
            self.feeds.insert(seed.clone(), feed);
        }
        seed
    }

    /// Writes pending feeds to Redis; after a failure they stay in memory.
    pub async fn flush(&self) {
        let Some(redis) = &self.redis else { return };
        loop {
            let batch: Vec<_> = self.pending().iter().take(BATCH_SIZE).map(|(s, f)| (s.clone(), f.clone())).collect();
            if batch.is_empty() {
                return;
            }
            let mut set = pipe();
            for (seed, feed) in &batch {
                set.cmd("SET").arg(feed_key(redis, seed)).arg(feed.encode_to_vec());
                set.arg("EX").arg(TTL.as_secs()).ignore();
            }
            let is_written = redis.run_all::<()>(&set).await.is_ok();
            for (seed, feed) in batch {
                if !is_written {
                    self.feeds.insert(seed.clone(), feed);
                }
                self.pending().remove(&seed);
            }
        }
    }

    /// Waits until a batch of feeds is pending.
    pub async fn wait_pending(&self) {
        self.added.notified().await;
        tokio::time::sleep(BATCH_DELAY).await;
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<String, Arc<Feed>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The feed of a seed; None if it is unknown or lost.
    pub async fn find(&self, seed: &str) -> Option<Arc<Feed>> {
        let pending = self.pending().get(seed).cloned();
        if let Some(feed) = pending.or_else(|| self.feeds.get(seed)) {
            return Some(feed);
        }
        let redis = self.redis.as_ref()?;
        let bytes: Option<Vec<u8>> = redis.run(cmd("GET").arg(feed_key(redis, seed))).await.ok()?;
        Feed::decode(bytes?.as_slice()).ok().map(Arc::new)
    }

    /// All ids of a seed's feed, if they were stored.
    pub async fn find_complete(&self, seed: &str) -> Option<Ids> {
        if let Some(ids) = self.complete.get(seed) {
            return Some(ids);
        }
        let redis = self.redis.as_ref()?;
        let bytes: Option<Vec<u8>> = redis.run(cmd("GET").arg(complete_key(redis, seed))).await.ok()?;
        CompleteFeed::decode(bytes?.as_slice()).ok().map(CompleteFeed::into_ids)
    }

    /// Stores all ids of a feed, unless somebody else has; returns the stored
    /// ones.
    pub async fn insert_complete(&self, seed: &str, ids: Vec<VideoId>) -> Ids {
        if let Some(redis) = &self.redis {
            let mut call = self.get_or_set.prepare_invoke();
            let bytes = CompleteFeed { ids: ids.iter().map(|id| id.0).collect() }.encode_to_vec();
            call.key(complete_key(redis, seed)).arg(bytes).arg(TTL.as_secs());
            if let Ok(stored) = redis.run_script::<Vec<u8>>(&call).await
                && let Ok(feed) = CompleteFeed::decode(stored.as_slice())
            {
                return feed.into_ids();
            }
        }
        self.complete.entry_by_ref(seed).or_insert_with(|| Arc::new(ids)).into_value()
    }
}

fn feed_key(redis: &Redis, seed: &str) -> String {
    redis.key(format_args!("feed:{seed}"))
}

fn complete_key(redis: &Redis, seed: &str) -> String {
    redis.key(format_args!("feed:{seed}:complete"))
}
