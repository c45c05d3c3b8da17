//! The use cases, a file each.

mod erase;
mod feed_preferences;
mod feed_store;
mod memory_sync;
mod popular;
mod prefetch;
mod projection;
mod prune;
mod read_limiter;
mod rebuild;
mod recommended;
mod redis_sync;
mod search;
mod sets;
mod summaries;
mod tag_choices;
mod tags;
mod wakeup;
mod warm_up;
mod watch_history;

use std::sync::Arc;

use fenz_cache::Redis;
use fenz_chassis::{Platform, media_url::MediaUrls};
use fenz_core::{Clock, IdGenerator, Random};
use fenz_database::Txn;
use fenz_events::{ErasureRunner, Outbox};
use sea_orm::DatabaseConnection;

use feed_preferences::PreferenceCache;
use feed_store::FeedStore;
use popular::Popular;
use prefetch::Prefetcher;
use read_limiter::ReadLimiter;
use summaries::SummaryCodec;
use wakeup::Wakeup;
use watch_history::WatchHistory;

pub use erase::UserEraser;
pub use memory_sync::MemorySync;
pub use projection::Projection;
pub use read_limiter::DatabaseReads;
pub use rebuild::{Rebuild, request_index_rebuild};
pub use redis_sync::RedisSync;
pub use search::{Search, SearchResponse};
pub use sets::VideoSets;
pub use summaries::SummaryCache;

use crate::Config;

/// What the use cases share. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) db: DatabaseConnection,
    clock: Clock,
    ids: IdGenerator,
    random: Random,
    outbox: Outbox,
    pub(crate) config: Arc<Config>,
    pub(crate) erasures: ErasureRunner,
    pub(crate) projection: Projection,
    summaries: Arc<SummaryCache>,
    pub(crate) sets: Arc<VideoSets>,
    pub(crate) redis_sync: Arc<RedisSync>,
    pub(crate) memory_sync: Arc<MemorySync>,
    /// Of the search index.
    pub(crate) index_wakeup: Arc<Wakeup>,
    pub(crate) popular: Arc<Popular>,
    pub(crate) feeds: Arc<FeedStore>,
    pub(crate) prefetcher: Arc<Prefetcher>,
    preferences: Arc<PreferenceCache>,
    watch_history: Arc<WatchHistory>,
    limiter: Arc<ReadLimiter>,
}

impl App {
    pub fn new(
        platform: &Platform,
        db: DatabaseConnection,
        urls: MediaUrls,
        redis: Option<Redis>,
        config: Config,
        outbox: Outbox,
    ) -> anyhow::Result<Self> {
        let (clock, random) = (platform.clock.clone(), platform.random.clone());
        let limiter = Arc::new(ReadLimiter::new(config.database_reads, platform.shared.get()));
        let codec = SummaryCodec::new(urls, clock.clone());
        let summaries = SummaryCache::new(db.clone(), redis.clone(), limiter.clone(), &config, codec, random.clone());
        let summaries = Arc::new(summaries);
        let sets = Arc::new(VideoSets::new(db.clone(), redis.clone(), limiter.clone(), random.clone()));
        let popular = Arc::new(Popular::new(db.clone(), clock.clone(), redis.clone(), limiter.clone(), &config));
        let erasures = ErasureRunner::new(platform, &outbox);
        Ok(Self {
            projection: Projection::new(clock.clone(), erasures.clone()),
            redis_sync: Arc::new(RedisSync::new(db.clone(), redis.clone(), sets.clone())),
            memory_sync: Arc::new(MemorySync::new(db.clone(), summaries.clone(), sets.clone(), popular.clone())),
            index_wakeup: Arc::default(),
            feeds: Arc::new(FeedStore::new(redis, random.clone())),
            prefetcher: Arc::default(),
            preferences: Arc::new(PreferenceCache::new(db.clone(), limiter.clone())),
            watch_history: Arc::new(WatchHistory::new(platform.peers.find("content")?)),
            ids: platform.ids.clone(),
            random,
            config: Arc::new(config),
            db,
            clock,
            outbox,
            erasures,
            summaries,
            sets,
            popular,
            limiter,
        })
    }

    /// To be called in the transaction of a change: when that has committed, it is
    /// applied without waiting for the next poll.
    pub fn wake_after(&self, txn: &Txn) {
        let (redis, memory, index) = (self.redis_sync.clone(), self.memory_sync.clone(), self.index_wakeup.clone());
        txn.after_commit(move || {
            redis.wakeup.wake();
            memory.wakeup.wake();
            index.wake();
        });
    }
}
