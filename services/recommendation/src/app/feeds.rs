//! Drawings under their seeds, for half an hour: in Redis, else in memory.
//!
//! A drawing is kept as its beginning, and as its rest once somebody pages that
//! far: most never do, and the beginning is a twentieth of it. Both are written
//! once. A beginning is on its way to Redis when it is answered with: whoever
//! asks another replica for the next page at that very moment, or whose replica
//! is killed then, gets a new drawing, as with any seed that is lost.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use fenz_chassis::redis::{Redis, Script, cmd, pipe};
use moka::sync::Cache;
use prost::Message;
use tokio::sync::Notify;

const TTL: Duration = Duration::from_secs(30 * 60);
/// Bytes of drawings in memory.
const IN_MEMORY: u64 = 64 << 20;
/// Drawings that wait for Redis at most; more stay in memory.
const WAITING: usize = 10_000;
/// How long they gather before they are written.
const GATHER: Duration = Duration::from_millis(5);
/// Drawings that are written at a time.
const WRITTEN: usize = 200;

/// Writes what is not there; what is there then.
const KEEP_FIRST: &str = r"
local there = redis.call('GET', KEYS[1])
if there then return there end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return ARGV[1]
";

/// The beginning of a drawing.
#[derive(Clone, PartialEq, Message)]
pub struct Feed {
    /// Whose it is.
    #[prost(string, tag = "1")]
    pub viewer: String,
    /// The tags that were drawn; none are all videos.
    #[prost(int64, repeated, tag = "2")]
    pub tags: Vec<i64>,
    /// Of the whole drawing.
    #[prost(uint32, tag = "3")]
    pub total: u32,
    #[prost(sfixed64, repeated, tag = "4")]
    pub ids: Vec<i64>,
}

/// The whole of a drawing.
#[derive(Clone, PartialEq, Message)]
struct Whole {
    #[prost(sfixed64, repeated, tag = "1")]
    ids: Vec<i64>,
}

pub struct Feeds {
    redis: Option<Redis>,
    /// Beginnings that Redis does not have yet.
    waiting: Mutex<HashMap<String, Arc<Feed>>>,
    come: Notify,
    beginnings: Cache<String, Arc<Feed>>,
    wholes: Cache<String, Arc<Vec<i64>>>,
    keep_first: Script,
}

impl Feeds {
    pub fn new(redis: Option<Redis>) -> Self {
        let size = |ids: usize| (ids * 8 + 200) as u32;
        Self {
            redis,
            waiting: Mutex::default(),
            come: Notify::new(),
            beginnings: Cache::builder()
                .weigher(move |_, feed: &Arc<Feed>| size(feed.ids.len()))
                .max_capacity(IN_MEMORY)
                .time_to_live(TTL)
                .build(),
            wholes: Cache::builder()
                .weigher(move |_, ids: &Arc<Vec<i64>>| size(ids.len()))
                .max_capacity(IN_MEMORY)
                .time_to_live(TTL)
                .build(),
            keep_first: Script::new(KEEP_FIRST),
        }
    }

    /// Keeps a beginning. Its seed.
    pub fn keep(&self, feed: Arc<Feed>) -> String {
        let seed = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
        let mut waiting = self.waiting();
        if self.redis.is_some() && waiting.len() < WAITING {
            waiting.insert(seed.clone(), feed);
            drop(waiting);
            self.come.notify_one();
        } else {
            drop(waiting);
            self.beginnings.insert(seed.clone(), feed);
        }
        seed
    }

    /// Puts into Redis what waits for it; what it does not take stays in memory.
    pub async fn write(&self) {
        let Some(redis) = &self.redis else { return };
        loop {
            let some: Vec<_> = self.waiting().iter().take(WRITTEN).map(|(s, f)| (s.clone(), f.clone())).collect();
            if some.is_empty() {
                return;
            }
            let mut set = pipe();
            for (seed, feed) in &some {
                set.cmd("SET").arg(beginning_key(redis, seed)).arg(feed.encode_to_vec());
                set.arg("EX").arg(TTL.as_secs()).ignore();
            }
            let is_written = redis.run_all::<()>(&set).await.is_ok();
            for (seed, feed) in some {
                if !is_written {
                    self.beginnings.insert(seed.clone(), feed);
                }
                self.waiting().remove(&seed);
            }
        }
    }

    /// Waits until there is something to write, and a moment for more of it.
    pub async fn come(&self) {
        self.come.notified().await;
        tokio::time::sleep(GATHER).await;
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Arc<Feed>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The beginning under a seed; None when it is lost or never was.
    pub async fn find(&self, seed: &str) -> Option<Arc<Feed>> {
        let waiting = self.waiting().get(seed).cloned();
        if let Some(feed) = waiting.or_else(|| self.beginnings.get(seed)) {
            return Some(feed);
        }
        let redis = self.redis.as_ref()?;
        let bytes: Option<Vec<u8>> = redis.run(cmd("GET").arg(beginning_key(redis, seed))).await.ok()?;
        Feed::decode(bytes?.as_slice()).ok().map(Arc::new)
    }

    /// The whole under a seed, if somebody has drawn it.
    pub async fn find_whole(&self, seed: &str) -> Option<Arc<Vec<i64>>> {
        if let Some(ids) = self.wholes.get(seed) {
            return Some(ids);
        }
        let redis = self.redis.as_ref()?;
        let bytes: Option<Vec<u8>> = redis.run(cmd("GET").arg(whole_key(redis, seed))).await.ok()?;
        Whole::decode(bytes?.as_slice()).ok().map(|whole| Arc::new(whole.ids))
    }

    /// Keeps a whole, unless another was faster. What is kept.
    pub async fn keep_whole(&self, seed: &str, ids: Vec<i64>) -> Arc<Vec<i64>> {
        if let Some(redis) = &self.redis {
            let mut call = self.keep_first.prepare_invoke();
            call.key(whole_key(redis, seed)).arg(Whole { ids: ids.clone() }.encode_to_vec()).arg(TTL.as_secs());
            if let Ok(kept) = redis.run_script::<Vec<u8>>(&call).await
                && let Ok(whole) = Whole::decode(kept.as_slice())
            {
                return Arc::new(whole.ids);
            }
        }
        self.wholes.entry_by_ref(seed).or_insert_with(|| Arc::new(ids)).into_value()
    }
}

fn beginning_key(redis: &Redis, seed: &str) -> String {
    redis.key(format_args!("feed:{seed}"))
}

fn whole_key(redis: &Redis, seed: &str) -> String {
    redis.key(format_args!("feed:{seed}:whole"))
}
