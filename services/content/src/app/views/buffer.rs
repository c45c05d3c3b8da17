//! Views in this replica's memory. A process that is killed loses those not flushed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use fenz_core::{IdGenerator, Result};

use super::flush::{Batch, Flusher, ViewDelta};
use crate::domain::{VideoId, Views};

/// Deltas per transaction.
const BATCH_SIZE: usize = 1000;

pub struct ViewBuffer {
    ids: IdGenerator,
    counters: Mutex<HashMap<VideoId, Arc<Counter>>>,
    pending: Mutex<BTreeMap<(VideoId, i64), Views>>,
    /// Drained from `pending` and not confirmed as stored. Its lock serializes flushes.
    unconfirmed: tokio::sync::Mutex<Vec<Batch>>,
}

/// The views of one video since the counter was created.
#[derive(Default)]
pub struct Counter {
    member: AtomicI64,
    other: AtomicI64,
    /// How many of them are stored. Locked while they are being stored and while the
    /// stored total is read, so that total and counter are consistent.
    stored: Arc<tokio::sync::Mutex<Views>>,
}

impl Counter {
    pub fn counted(&self) -> Views {
        Views { member: self.member.load(Ordering::Relaxed), other: self.other.load(Ordering::Relaxed) }
    }

    /// How many of the counted views are stored; does not change while the guard lives.
    pub async fn stored(&self) -> tokio::sync::OwnedMutexGuard<Views> {
        self.stored.clone().lock_owned().await
    }
}

impl ViewBuffer {
    pub fn new(ids: IdGenerator) -> Self {
        Self { ids, counters: Mutex::default(), pending: Mutex::default(), unconfirmed: tokio::sync::Mutex::default() }
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
        // Under the lock, so that views are counted before they are flushed.
        counter.member.fetch_add(views.member, Ordering::Relaxed);
        counter.other.fetch_add(views.other, Ordering::Relaxed);
    }

    /// Stores pending views.
    ///
    /// # Errors
    /// Of the database. A failed batch is retried by the next flush under the same id,
    /// as it may have been committed.
    pub async fn flush(&self, flusher: &Flusher) -> Result<()> {
        let mut unconfirmed = self.unconfirmed.lock().await;
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        // Sorted by video id, as locking rows in the same order everywhere prevents
        // deadlocks.
        let deltas: Vec<_> =
            pending.into_iter().map(|((video, hour), views)| ViewDelta { video, hour, views }).collect();
        let batches = deltas.chunks(BATCH_SIZE).map(|deltas| Batch { id: self.ids.next(), deltas: deltas.to_vec() });
        unconfirmed.extend(batches);
        while let Some(batch) = unconfirmed.first() {
            self.store(flusher, batch).await?;
            unconfirmed.remove(0);
        }
        drop(unconfirmed);
        self.evict_idle();
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

    /// Removes counters that are stored and unreferenced.
    fn evict_idle(&self) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.retain(|_, counter| {
            let stored = counter.stored.try_lock().is_ok_and(|stored| *stored == counter.counted());
            // While the map is locked nobody else can get a reference.
            !(stored && Arc::strong_count(counter) == 1)
        });
    }
}

#[cfg(test)]
mod tests {
    use fenz_core::{Clock, Random};

    use super::*;

    #[test]
    fn idle_counters_are_evicted() {
        let buffer = ViewBuffer::new(IdGenerator::new(Clock::default(), Random::default()));
        let kept = buffer.counter(VideoId(1));
        buffer.counter(VideoId(2));
        let counted = buffer.counter(VideoId(3));
        buffer.add(VideoId(3), 1, Views { member: 1, other: 0 }, &counted);
        drop(counted);
        buffer.evict_idle();
        let mut ids: Vec<_> = buffer.counters.lock().unwrap().keys().map(|id| id.0).collect();
        ids.sort_unstable();
        assert_eq!(ids, [1, 3]);
        drop(kept);
    }
}
