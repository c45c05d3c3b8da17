//! What users watched: noted in memory while they watch, stored moments later,
//! a row for each user and video.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use fenz_chassis::{Result, UserId, database::transact};

use super::{App, list::Listed};
use crate::{
    domain::{VideoId, page::Page},
    store::{
        history::{self, Watched},
        listing,
    },
};

/// How long it is kept.
pub const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// Rows stored in one transaction.
const BATCH: usize = 200;
/// Notes that wait at most: while the database is away, no more are taken.
const WAITING: usize = 100_000;

/// What was watched and is not stored yet.
#[derive(Default)]
pub struct WatchNotes {
    noted: Mutex<HashMap<(UserId, VideoId), DateTime<Utc>>>,
    storing: tokio::sync::Mutex<()>,
}

impl WatchNotes {
    pub fn note(&self, user: UserId, video: VideoId, at: DateTime<Utc>) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() < WAITING {
            noted.insert((user, video), at);
        }
    }

    /// In the order of users and videos: rows are locked in the same order
    /// everywhere.
    fn take(&self) -> Vec<Watched> {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        let mut all: Vec<_> = noted.into_iter().map(|((user, video), at)| Watched { user, video, at }).collect();
        all.sort_unstable_by_key(|w| (w.user, w.video));
        all
    }
}

impl App {
    /// Stores what was watched by those who keep a history. What fails comes
    /// again with the next time.
    pub async fn store_watched(&self) -> Result<()> {
        let _one_at_a_time = self.history.storing.lock().await;
        let all = self.history.take();
        for (position, batch) in all.chunks(BATCH).enumerate() {
            if let Err(error) = self.store_batch(batch).await {
                all[position * BATCH..].iter().for_each(|w| self.history.note(w.user, w.video, w.at));
                return Err(error);
            }
        }
        Ok(())
    }

    async fn store_batch(&self, batch: &[Watched]) -> Result<()> {
        transact(&self.db, |txn| async move {
            let users: HashSet<i64> = batch.iter().map(|w| w.user.0).collect();
            let settings = history::settings_of(&*txn, &users).await?;
            let is_wanted = |w: &Watched| settings.get(&w.user.0).is_none_or(|setting| setting.keeps(w.at));
            let wanted: Vec<_> = batch.iter().copied().filter(is_wanted).collect();
            history::record(&*txn, &wanted).await?;
            // Their token may outlive them by moments. Afterwards: who is deleted
            // just now would be overlooked before.
            Ok(history::clear_erased(&*txn, &users).await?)
        })
        .await
    }

    /// A page of what a user watched, and how much that is.
    pub async fn history(&self, user: UserId, staff: bool, page: Page) -> Result<(Vec<(Listed, DateTime<Utc>)>, u64)> {
        self.store_watched().await?;
        let (watched, total) = history::page(&self.db, user, self.clock.ago(KEPT), staff, page).await?;
        let ids: Vec<_> = watched.iter().map(|w| w.video).collect();
        let videos = self.with_channels(listing::by_ids(&self.db, &ids).await?).await?;
        let mut videos: HashMap<_, _> = videos.into_iter().map(|listed| (listed.video.id, listed)).collect();
        let watched = watched.into_iter().filter_map(|w| Some((videos.remove(&w.video)?, w.at)));
        Ok((watched.collect(), total))
    }

    /// Forgets all that a user watched.
    pub async fn clear_history(&self, user: UserId) -> Result<()> {
        // First: what other replicas have noted until now is not stored any more.
        transact(&self.db, |txn| async move {
            if self.erasures.is_erased(&*txn, user).await? {
                return Ok(());
            }
            Ok(history::note_cleared(&*txn, user, self.clock.now()).await?)
        })
        .await?;
        self.store_watched().await?;
        history::clear(&self.db, user).await?;
        Ok(())
    }

    pub async fn keeps_history(&self, user: UserId) -> Result<bool> {
        Ok(history::is_kept(&self.db, user).await?)
    }

    /// Keeps a history from now on, or none; what is there stays.
    pub async fn keep_history(&self, user: UserId, enabled: bool) -> Result<()> {
        // What was watched until now falls under what held until now.
        self.store_watched().await?;
        transact(&self.db, |txn| async move {
            if self.erasures.is_erased(&*txn, user).await? {
                return Ok(());
            }
            Ok(history::keep(&*txn, user, enabled).await?)
        })
        .await
    }

    /// Forgets what was watched too long ago.
    pub async fn forget_old_history(&self) -> Result<()> {
        Ok(history::forget_older(&self.db, self.clock.ago(KEPT)).await?)
    }
}
