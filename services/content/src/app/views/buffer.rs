//! Views in this replica's memory; the last seconds are lost when the process
//! is killed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use fenz_chassis::{IdMaker, Result};

use super::flush::{Added, Batch, Flusher};
use crate::domain::{VideoId, Views};

/// Videos and hours that are stored in one transaction.
const BATCH: usize = 1000;

/// The views that are not stored yet.
pub struct ViewBuffer {
    ids: IdMaker,
    counters: Mutex<HashMap<VideoId, Arc<Counter>>>,
    pending: Mutex<BTreeMap<(VideoId, i64), Views>>,
    /// Taken out of `pending`, and not known to be stored. One flush at a time.
    unfinished: tokio::sync::Mutex<Vec<Batch>>,
}

/// The views of one video since the counter was made.
#[derive(Default)]
pub struct Counter {
    member: AtomicI64,
    other: AtomicI64,
    /// How many of them are stored. Held while they are being stored, and while
    /// the stored sum is being read: so the two always add up.
    stored: Arc<tokio::sync::Mutex<Views>>,
}

impl Counter {
    pub fn counted(&self) -> Views {
        Views { member: self.member.load(Ordering::Relaxed), other: self.other.load(Ordering::Relaxed) }
    }

    /// How many of the counted are stored, fixed while the guard lives.
    pub async fn stored(&self) -> tokio::sync::OwnedMutexGuard<Views> {
        self.stored.clone().lock_owned().await
    }
}

impl ViewBuffer {
    pub fn new(ids: IdMaker) -> Self {
        Self { ids, counters: Mutex::default(), pending: Mutex::default(), unfinished: tokio::sync::Mutex::default() }
    }

    /// The counter of a video.
    pub fn counter(&self, id: VideoId) -> Arc<Counter> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone()
    }

    /// Adds views of a video in an hour.
    pub fn add(&self, id: VideoId, hour: i64, views: Views, counter: &Counter) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = pending.entry((id, hour)).or_default();
        *sum = *sum + views;
        // Still under the lock: what is flushed was counted before.
        counter.member.fetch_add(views.member, Ordering::Relaxed);
        counter.other.fetch_add(views.other, Ordering::Relaxed);
    }

    /// Stores what was counted.
    ///
    /// # Errors
    /// What the database says. What could not be stored is kept for the next
    /// time, under the same id: it may have been stored all the same.
    pub async fn flush(&self, flusher: &Flusher) -> Result<()> {
        let mut unfinished = self.unfinished.lock().await;
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        // In the order of the videos' ids: rows are locked in the same order
        // everywhere.
        let added: Vec<_> = pending.into_iter().map(|((video, hour), views)| Added { video, hour, views }).collect();
        let batches = added.chunks(BATCH).map(|added| Batch { id: self.ids.next(), added: added.to_vec() });
        unfinished.extend(batches);
        while let Some(batch) = unfinished.first() {
            self.store(flusher, batch).await?;
            unfinished.remove(0);
        }
        drop(unfinished);
        self.forget_idle();
        Ok(())
    }

    async fn store(&self, flusher: &Flusher, batch: &Batch) -> Result<()> {
        let mut stored = Vec::new();
        for (video, views) in batch.by_video() {
            stored.push((self.counter(video).stored().await, views));
        }
        flusher.apply(batch).await?;
        for (mut sum, views) in stored {
            *sum = *sum + views;
        }
        Ok(())
    }

    /// Forgets counters that nothing needs.
    fn forget_idle(&self) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.retain(|_, counter| {
            let stored = counter.stored.try_lock().is_ok_and(|stored| *stored == counter.counted());
            // Nobody else can get hold of it while the map is locked.
            !(stored && Arc::strong_count(counter) == 1)
        });
    }
}

#[cfg(test)]
mod tests {
    use fenz_chassis::Clock;

    use super::*;

    #[test]
    fn idle_counters_are_forgotten() {
        let buffer = ViewBuffer::new(IdMaker::new(Clock::default()));
        let kept = buffer.counter(VideoId(1));
        buffer.counter(VideoId(2));
        let counted = buffer.counter(VideoId(3));
        buffer.add(VideoId(3), 1, Views { member: 1, other: 0 }, &counted);
        drop(counted);
        buffer.forget_idle();
        let mut ids: Vec<_> = buffer.counters.lock().unwrap().keys().map(|id| id.0).collect();
        ids.sort_unstable();
        assert_eq!(ids, [1, 3]);
        drop(kept);
    }
}
