//! Views: at most one per viewer, video and hour.
//!
//! Counted in Redis by all replicas (`redis`), or without Redis in memory (`buffer`). A
//! periodic flush adds them to the totals in a transaction that also stores the batch's
//! id (`flush`), so that a retried batch counts once.

mod buffer;
mod dedup;
mod flush;
mod redis;

use std::{sync::Arc, time::Duration};

use fenz_cache::Redis;
use fenz_core::{Clock, IdGenerator, Result};
use fenz_events::Outbox;
use sea_orm::DatabaseConnection;

pub use buffer::{Counter, ViewBuffer};
use dedup::ViewDeduplicator;
pub use dedup::{View, Visitor};
use flush::Flusher;
use redis::RedisViews;

use crate::{
    domain::{VideoId, Views},
    store::views,
};

/// Retention of hourly views, in hours.
const HOURS_RETENTION: i64 = 31 * 24;
/// Retention of flush ids; no batch is retried for so long.
const FLUSH_RETENTION: Duration = Duration::from_secs(31 * 24 * 3600);

pub struct ViewCounts {
    pub buffer: Arc<ViewBuffer>,
    dedup: ViewDeduplicator,
    redis: Option<RedisViews>,
    flusher: Flusher,
    db: DatabaseConnection,
    clock: Clock,
}

impl ViewCounts {
    pub fn new(db: DatabaseConnection, outbox: Outbox, clock: Clock, ids: IdGenerator, redis: Option<Redis>) -> Self {
        Self {
            buffer: Arc::new(ViewBuffer::new(ids.clone())),
            dedup: ViewDeduplicator::default(),
            redis: redis.map(|redis| RedisViews::new(redis, ids)),
            flusher: Flusher { outbox, clock: clock.clone() },
            db,
            clock,
        }
    }

    /// A view now; none when this replica knows one of the same viewer in this hour.
    pub fn deduplicate(&self, video: VideoId, visitor: Visitor<'_>) -> Option<View> {
        let view = View::new(video, visitor, self.clock.unix());
        self.dedup.insert(&view).then_some(view)
    }

    /// Counts a view. With Redis it is deduplicated across replicas and shows after the
    /// flush; without, it shows at once.
    pub async fn count(&self, view: &View, is_member: bool, counter: &Counter) {
        if let Some(redis) = &self.redis {
            match redis.count(view, is_member).await {
                Ok(()) => return,
                // An uncounted view is better than one counted twice.
                Err(error) if redis::may_have_executed(&error) => return,
                Err(_) => {}
            }
        }
        let one = if is_member { Views { member: 1, other: 0 } } else { Views { member: 0, other: 1 } };
        self.buffer.add(view.video, view.hour, one, counter);
    }

    /// Flushes this replica's memory.
    pub async fn flush_memory(&self) -> Result<()> {
        self.buffer.flush(&self.flusher).await
    }

    /// Flushes Redis. Meant for one replica at a time; concurrent flushes are harmless.
    pub async fn flush_redis(&self) -> anyhow::Result<()> {
        match &self.redis {
            Some(redis) => redis.flush(&self.flusher).await,
            None => Ok(()),
        }
    }

    pub fn uses_redis(&self) -> bool {
        self.redis.is_some()
    }

    /// Deletes hours and flush ids past their retention.
    pub async fn prune(&self) -> Result<()> {
        let hour = dedup::hour(self.clock.unix()) - HOURS_RETENTION;
        Ok(views::delete_older(&self.db, hour, self.clock.ago(FLUSH_RETENTION)).await?)
    }
}
