//! Keeps the in-memory caches of this replica current by the order of changes.
//! Events would not do: each goes to one replica, and may come before or after
//! its row is visible.

use std::sync::Arc;

use fenz_core::{Result, VideoId};
use sea_orm::DatabaseConnection;

use super::{SummaryCache, VideoSets, popular::Popular, wakeup::Wakeup};
use crate::store::{
    evictions,
    listing::{self, Cursor},
    sequence, views,
};

/// Changes read per query.
const PAGE_SIZE: u64 = 500;

pub struct MemorySync {
    db: DatabaseConnection,
    summaries: Arc<SummaryCache>,
    sets: Arc<VideoSets>,
    popular: Arc<Popular>,
    pub wakeup: Wakeup,
}

impl MemorySync {
    pub fn new(
        db: DatabaseConnection,
        summaries: Arc<SummaryCache>,
        sets: Arc<VideoSets>,
        popular: Arc<Popular>,
    ) -> Self {
        Self { db, summaries, sets, popular, wakeup: Wakeup::default() }
    }

    /// Sets the start position: now, since nothing is in memory yet. Redis may
    /// lag behind by the queued evictions, so those are read again.
    pub async fn init(&self) -> Result<()> {
        let last = sequence::last(&self.db).await?;
        let queued = evictions::oldest(&self.db, 1).await?;
        let start = queued.first().map_or(last, |eviction| last.min(eviction.seq - 1));
        *self.sets.memory.position.lock().await = Cursor::end_of(start);
        Ok(())
    }

    /// Applies all changes since the last call.
    pub async fn catch_up(&self) -> Result<()> {
        let mut position = self.sets.memory.position.lock().await;
        let last = sequence::last(&self.db).await?;
        if last <= position.seq {
            return Ok(());
        }
        let mut cursor = *position;
        loop {
            let changes = listing::changed_after(&self.db, cursor, PAGE_SIZE).await?;
            let Some(end) = changes.last() else { break };
            cursor = Cursor { seq: end.change_seq, video_id: end.video.id };
            self.sets.memory.apply(&changes);
            for change in &changes {
                self.summaries.invalidate(change.video.id, change.revision);
            }
            let removed: Vec<VideoId> = changes.iter().filter(|c| !c.is_public()).map(|c| c.video.id).collect();
            self.popular.remove(&removed).await;
        }
        let mut cursor = *position;
        loop {
            let totals = views::changed_after(&self.db, cursor, PAGE_SIZE).await?;
            let Some((end, _)) = totals.last() else { break };
            cursor = *end;
            for (at, _) in totals {
                self.summaries.invalidate(at.video_id, at.seq);
            }
        }
        *position = Cursor::end_of(last);
        Ok(())
    }
}
