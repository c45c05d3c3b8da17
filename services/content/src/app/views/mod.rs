//! Views: one of each viewer and video an hour.
//!
//! Counted in Redis where there is one (`shared`), which all replicas do, else
//! in memory (`buffer`). Either way they are added to the totals every so often,
//! in one transaction that also notes the batch's id (`flush`): however often a
//! batch is tried, it counts once.

mod buffer;
mod flush;
mod seen;
mod shared;

use std::{sync::Arc, time::Duration};

use fenz_chassis::{Clock, IdMaker, Result, redis::Redis};
use fenz_events::Outbox;
use sea_orm::DatabaseConnection;

pub use buffer::{Counter, ViewBuffer};
use flush::Flusher;
use seen::Seen;
pub use seen::{View, Visitor};
use shared::SharedViews;

use crate::{domain::Views, store::views};

/// How long the hours of a video are kept.
const HOURS_KEPT: i64 = 31 * 24;
/// How long the id of a flush is kept; none is tried again so late.
const FLUSHES_KEPT: Duration = Duration::from_secs(31 * 24 * 3600);

/// Counts views.
pub struct ViewCounts {
    pub buffer: Arc<ViewBuffer>,
    seen: Seen,
    shared: Option<SharedViews>,
    flusher: Flusher,
    db: DatabaseConnection,
    clock: Clock,
}

impl ViewCounts {
    pub fn new(db: DatabaseConnection, outbox: Outbox, clock: Clock, ids: IdMaker, redis: Option<Redis>) -> Self {
        Self {
            buffer: Arc::new(ViewBuffer::new(ids.clone())),
            seen: Seen::default(),
            shared: redis.map(|redis| SharedViews::new(redis, ids)),
            flusher: Flusher { outbox, clock: clock.clone() },
            db,
            clock,
        }
    }

    /// A view that begins now, unless this replica has seen it in this hour.
    pub fn begin(&self, video: crate::domain::VideoId, visitor: Visitor<'_>) -> Option<View> {
        let view = View::of(video, visitor, self.clock.unix());
        self.seen.is_new(&view).then_some(view)
    }

    /// Counts a view. With Redis it counts unless another replica has seen it,
    /// and shows when it is flushed; without, it shows at once.
    pub async fn count(&self, view: &View, is_member: bool, counter: &Counter) {
        if let Some(shared) = &self.shared {
            match shared.count(view, is_member).await {
                Ok(()) => return,
                // It may have arrived; a view too few is better than one too many.
                Err(away) if shared::may_have_arrived(&away) => return,
                Err(_) => {}
            }
        }
        let one = if is_member { Views { member: 1, other: 0 } } else { Views { member: 0, other: 1 } };
        self.buffer.add(view.video, view.hour, one, counter);
    }

    /// Stores what is in this replica's memory.
    pub async fn flush_memory(&self) -> Result<()> {
        self.buffer.flush(&self.flusher).await
    }

    /// Stores what is in Redis. For one replica at a time; a second one does
    /// no harm.
    pub async fn flush_shared(&self) -> anyhow::Result<()> {
        match &self.shared {
            Some(shared) => shared.flush(&self.flusher).await,
            None => Ok(()),
        }
    }

    pub fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Forgets hours and flushes whose time is over.
    pub async fn prune(&self) -> Result<()> {
        let hour = seen::hour(self.clock.unix()) - HOURS_KEPT;
        Ok(views::forget_older(&self.db, hour, self.clock.ago(FLUSHES_KEPT)).await?)
    }
}
