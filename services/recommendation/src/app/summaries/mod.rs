//! Video summaries: from memory, else from Redis, else from the table, each
//! video by one request at a time.
//!
//! [`super::MemorySync`] sets the minimum revision of each changed video. Older
//! ones are neither kept nor served, whatever their source, so entries in memory
//! can have a long TTL.

mod codec;
mod single_flight;

use std::{collections::HashMap, sync::Arc, time::Duration};

use fenz_cache::{Redis, Script, cmd};
use fenz_contract::recommendation::v1::VideoSummary;
use fenz_core::{Random, Result};
use moka::{policy::EvictionPolicy, sync::Cache};
use prost::Message;
use sea_orm::DatabaseConnection;

use single_flight::SingleFlight;

pub use codec::{SummaryCodec, encode};

use super::read_limiter::ReadLimiter;
use crate::{
    Config,
    domain::{ListedVideo, Seq, VideoId},
    store::listing,
};

/// Of a summary in Redis.
pub const TTL: Duration = Duration::from_secs(30 * 60);
/// Of an unchanged summary in memory.
const MEMORY_TTL: Duration = Duration::from_secs(60);
/// Of a minimum revision: longer than anything older can stay in a cache.
const MIN_REVISION_TTL: Duration = Duration::from_secs(3600);
const MAX_MIN_REVISIONS: u64 = 200_000;
const KILOBYTE: usize = 1024;
/// Bytes per call: Redis serves nobody else meanwhile.
const MAX_CALL_BYTES: usize = 1 << 20;
/// One in this many summaries from Redis is kept in memory: frequent ones get
/// there soon, and rare ones of a large catalogue do not displace them.
const KEEP_RATIO: u32 = 4;
/// How often loads of others are awaited before a video is loaded regardless.
const MAX_WAITS: usize = 3;

/// Stores summaries, each unless a later revision was applied.
const STORE: &str = r"
for i = 1, #KEYS, 2 do
  if tonumber(ARGV[i + 1]) >= tonumber(redis.call('GET', KEYS[i + 1]) or '0') then
    redis.call('SET', KEYS[i], ARGV[i + 2], 'EX', ARGV[1])
  end
end
";

/// The key of a video's summary.
pub fn summary_key(redis: &Redis, id: VideoId) -> String {
    redis.key(format_args!("video:{id}"))
}

/// The key of the last applied revision of a video.
pub fn applied_key(redis: &Redis, id: VideoId) -> String {
    redis.key(format_args!("applied:{id}"))
}

/// A revision of a video; invisible without a summary.
#[derive(Clone)]
struct Entry {
    revision: Seq,
    summary: Option<Arc<VideoSummary>>,
}

/// Entries that were loaded ahead of a request. Stale ones are loaded again.
#[derive(Default)]
pub struct Preloaded(HashMap<VideoId, Entry>);

pub struct SummaryCache {
    db: DatabaseConnection,
    redis: Option<Redis>,
    limiter: Arc<ReadLimiter>,
    codec: SummaryCodec,
    random: Random,
    entries: Cache<VideoId, Entry>,
    min_revisions: Cache<VideoId, Seq>,
    loads: SingleFlight,
    store: Script,
}

impl SummaryCache {
    pub fn new(
        db: DatabaseConnection,
        redis: Option<Redis>,
        limiter: Arc<ReadLimiter>,
        config: &Config,
        codec: SummaryCodec,
        random: Random,
    ) -> Self {
        let kilobytes = |summary: &Arc<VideoSummary>| (summary.encoded_len() / KILOBYTE) as u32;
        Self {
            db,
            redis,
            limiter,
            codec,
            random,
            entries: Cache::builder()
                .max_capacity(config.cached_videos)
                .weigher(move |_, entry: &Entry| 1 + entry.summary.as_ref().map_or(0, kilobytes))
                .time_to_live(MEMORY_TTL)
                .build(),
            // LRU, because the default policy may reject new entries.
            min_revisions: Cache::builder()
                .max_capacity(MAX_MIN_REVISIONS)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(MIN_REVISION_TTL)
                .build(),
            loads: SingleFlight::default(),
            store: Script::new(STORE),
        }
    }

    /// The visible ones of these videos, in order.
    pub async fn visible(&self, ids: &[VideoId]) -> Result<Vec<Arc<VideoSummary>>> {
        self.visible_with(ids, Preloaded::default()).await
    }

    /// The public ones of these videos, in order.
    pub async fn public(&self, ids: &[VideoId]) -> Result<Vec<Arc<VideoSummary>>> {
        self.public_with(ids, Preloaded::default()).await
    }

    /// The public ones of these videos, in order, using preloaded entries.
    pub async fn public_with(&self, ids: &[VideoId], preloaded: Preloaded) -> Result<Vec<Arc<VideoSummary>>> {
        let mut summaries = self.visible_with(ids, preloaded).await?;
        summaries.retain(|summary| summary.access_tier == 0);
        Ok(summaries)
    }

    async fn visible_with(&self, ids: &[VideoId], preloaded: Preloaded) -> Result<Vec<Arc<VideoSummary>>> {
        let entries = self.get(ids, preloaded).await?;
        Ok(ids.iter().filter_map(|id| entries.get(id)?.summary.clone()).collect())
    }

    /// Whether all of these are in memory.
    pub fn contains_all(&self, ids: &[VideoId]) -> bool {
        ids.iter().all(|id| self.entries.contains_key(id))
    }

    /// Loads these for a later request.
    pub async fn preload(&self, ids: &[VideoId]) -> Result<Preloaded> {
        self.get(ids, Preloaded::default()).await.map(Preloaded)
    }

    async fn get(&self, ids: &[VideoId], Preloaded(mut found): Preloaded) -> Result<HashMap<VideoId, Entry>> {
        found.retain(|id, entry| !self.is_stale(*id, entry.revision));
        let mut missing = ids.to_vec();
        missing.retain(|id| !found.contains_key(id));
        for _ in 0..MAX_WAITS {
            missing.retain(|id| match self.entries.get(id) {
                Some(entry) => {
                    found.insert(*id, entry);
                    false
                }
                None => true,
            });
            if missing.is_empty() {
                return Ok(found);
            }
            let (guard, others) = self.loads.claim(&missing);
            if !guard.ids().is_empty() {
                found.extend(self.load(guard.ids()).await?);
                missing.retain(|id| !found.contains_key(id));
            }
            drop(guard);
            for other in others {
                other.finished().await;
            }
        }
        found.extend(self.load(&missing).await?);
        Ok(found)
    }

    /// Reads from Redis, and the rest from the table.
    async fn load(&self, ids: &[VideoId]) -> Result<HashMap<VideoId, Entry>> {
        let mut found = self.read_redis(ids).await;
        for (id, entry) in &found {
            if self.random.value::<u32>().is_multiple_of(KEEP_RATIO) {
                self.insert(*id, entry);
            }
        }
        let missing: Vec<VideoId> = ids.iter().copied().filter(|id| !found.contains_key(id)).collect();
        if !missing.is_empty() {
            let videos = {
                let _permit = self.limiter.acquire().await?;
                listing::find(&self.db, &missing).await?
            };
            self.write_redis(&videos).await;
            let mut videos: HashMap<VideoId, ListedVideo> = videos.into_iter().map(|v| (v.video.id, v)).collect();
            for id in missing {
                let entry = self.entry(videos.remove(&id));
                self.insert(id, &entry);
                found.insert(id, entry);
            }
        }
        Ok(found)
    }

    fn entry(&self, video: Option<ListedVideo>) -> Entry {
        let Some(video) = video else { return Entry { revision: 0, summary: None } };
        let summary = video.is_visible.then(|| Arc::new(self.codec.build(&video)));
        Entry { revision: video.revision, summary }
    }

    /// Inserts before checking the minimum revision, while `invalidate` sets the
    /// minimum before removing: in any interleaving a stale entry is removed.
    fn insert(&self, id: VideoId, entry: &Entry) {
        self.entries.insert(id, entry.clone());
        if self.is_stale(id, entry.revision) {
            self.entries.invalidate(&id);
        }
    }

    fn is_stale(&self, id: VideoId, revision: Seq) -> bool {
        self.min_revisions.get(&id).is_some_and(|min| revision < min)
    }

    /// Raises the minimum revision of a video and removes an older entry.
    pub fn invalidate(&self, id: VideoId, revision: Seq) {
        let min = self.min_revisions.get(&id).map_or(revision, |min| min.max(revision));
        self.min_revisions.insert(id, min);
        if self.entries.get(&id).is_some_and(|entry| entry.revision < min) {
            self.entries.invalidate(&id);
        }
    }

    /// What Redis has of these; nothing while it is unavailable.
    async fn read_redis(&self, ids: &[VideoId]) -> HashMap<VideoId, Entry> {
        let Some(redis) = &self.redis else { return HashMap::new() };
        let mut mget = cmd("MGET");
        for id in ids {
            mget.arg(summary_key(redis, *id));
        }
        let Ok(values) = redis.run::<Vec<Option<Vec<u8>>>>(&mget).await else { return HashMap::new() };
        let mut found = HashMap::with_capacity(ids.len());
        for (id, value) in ids.iter().zip(values) {
            if let Some((revision, summary)) = value.and_then(|bytes| self.codec.decode(&bytes))
                && !self.is_stale(*id, revision)
            {
                found.insert(*id, Entry { revision, summary: Some(Arc::new(summary)) });
            }
        }
        found
    }

    /// Writes visible videos to Redis. Returns whether it took them; they are
    /// only cached there, so a failure is harmless.
    pub async fn write_redis(&self, videos: &[ListedVideo]) -> bool {
        let Some(redis) = &self.redis else { return false };
        let visible: Vec<&ListedVideo> = videos.iter().filter(|video| video.is_visible).collect();
        let mut videos = visible.into_iter().peekable();
        while videos.peek().is_some() {
            let mut call = self.store.prepare_invoke();
            call.arg(TTL.as_secs());
            let mut sent = 0;
            while sent < MAX_CALL_BYTES
                && let Some(video) = videos.next()
            {
                let bytes = encode(video);
                sent += bytes.len();
                call.key(summary_key(redis, video.video.id)).key(applied_key(redis, video.video.id));
                call.arg(video.revision).arg(bytes);
            }
            if redis.run_script::<()>(&call).await.is_err() {
                return false;
            }
        }
        true
    }
}
