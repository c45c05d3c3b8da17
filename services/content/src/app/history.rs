//! Watch history: buffered in memory and flushed in batches, one row per user and video.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use fenz_core::{Result, UserId};
use fenz_database::transact;

use super::{App, list::ListedVideo};
use crate::{
    domain::{VideoId, page::Page},
    store::{
        history::{self, WatchRecord},
        listing,
    },
};

pub const RETENTION: Duration = Duration::from_secs(90 * 24 * 3600);
/// Rows per transaction.
const BATCH_SIZE: usize = 200;
/// Records beyond are dropped, while the database is unavailable.
const CAPACITY: usize = 100_000;

/// Watch records that are not stored yet.
#[derive(Default)]
pub struct HistoryBuffer {
    pending: Mutex<HashMap<(UserId, VideoId), DateTime<Utc>>>,
    flushing: tokio::sync::Mutex<()>,
}

impl HistoryBuffer {
    pub fn push(&self, user: UserId, video: VideoId, at: DateTime<Utc>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() < CAPACITY {
            pending.insert((user, video), at);
        }
    }

    /// Sorted, as locking rows in the same order everywhere prevents deadlocks.
    fn drain(&self) -> Vec<WatchRecord> {
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        let mut all: Vec<_> = pending.into_iter().map(|((user, video), at)| WatchRecord { user, video, at }).collect();
        all.sort_unstable_by_key(|w| (w.user, w.video));
        all
    }
}

impl App {
    /// Stores the buffered records. What fails is kept for the next flush.
    pub async fn flush_history(&self) -> Result<()> {
        let _flushing = self.history.flushing.lock().await;
        let all = self.history.drain();
        for (position, batch) in all.chunks(BATCH_SIZE).enumerate() {
            if let Err(error) = self.store_batch(batch).await {
                all[position * BATCH_SIZE..].iter().for_each(|w| self.history.push(w.user, w.video, w.at));
                return Err(error);
            }
        }
        Ok(())
    }

    async fn store_batch(&self, batch: &[WatchRecord]) -> Result<()> {
        transact(&self.db, |txn| async move {
            let users: HashSet<UserId> = batch.iter().map(|w| w.user).collect();
            let settings = history::settings_of(&*txn, &users).await?;
            let is_recorded = |w: &WatchRecord| settings.get(&w.user).is_none_or(|setting| setting.records(w.at));
            let recorded: Vec<_> = batch.iter().copied().filter(is_recorded).collect();
            history::upsert(&*txn, &recorded).await?;
            // A token may outlive its user. After the upsert, so that a concurrent erasure
            // is not missed.
            Ok(history::clear_erased(&*txn, &users).await?)
        })
        .await
    }

    /// A page of what a user watched, and the total.
    pub async fn history(
        &self,
        user: UserId,
        staff: bool,
        page: Page,
    ) -> Result<(Vec<(ListedVideo, DateTime<Utc>)>, u64)> {
        self.flush_history().await?;
        let (watched, total) = history::page(&self.db, user, self.clock.ago(RETENTION), staff, page).await?;
        let ids: Vec<_> = watched.iter().map(|w| w.video).collect();
        let videos = self.with_channels(listing::by_ids(&self.db, &ids).await?).await?;
        let mut videos: HashMap<_, _> = videos.into_iter().map(|listed| (listed.video.id, listed)).collect();
        let watched = watched.into_iter().filter_map(|w| Some((videos.remove(&w.video)?, w.at)));
        Ok((watched.collect(), total))
    }

    pub async fn clear_history(&self, user: UserId) -> Result<()> {
        // First, so that records buffered by other replicas until now are not stored.
        transact(&self.db, |txn| async move {
            if self.erasures.is_erased(&*txn, user).await? {
                return Ok(());
            }
            Ok(history::set_cleared_at(&*txn, user, self.clock.now()).await?)
        })
        .await?;
        self.flush_history().await?;
        history::clear(&self.db, user).await?;
        Ok(())
    }

    pub async fn history_enabled(&self, user: UserId) -> Result<bool> {
        Ok(history::is_enabled(&self.db, user).await?)
    }

    /// Stored records stay when the history is disabled.
    pub async fn set_history_enabled(&self, user: UserId, enabled: bool) -> Result<()> {
        // Records until now are subject to the previous setting.
        self.flush_history().await?;
        transact(&self.db, |txn| async move {
            if self.erasures.is_erased(&*txn, user).await? {
                return Ok(());
            }
            Ok(history::set_enabled(&*txn, user, enabled).await?)
        })
        .await
    }

    pub async fn prune_history(&self) -> Result<()> {
        Ok(history::delete_older(&self.db, self.clock.ago(RETENTION)).await?)
    }
}
