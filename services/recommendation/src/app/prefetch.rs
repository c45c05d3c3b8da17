//! Feeds made before they are requested. With a large catalogue the summaries
//! are in Redis only, and waiting for it takes half as long as all the rest of a
//! request.
//!
//! Preferences that are requested twice within [`TTL`] get one more feed after
//! the second reply. Each prefetched feed is used once, like a new one.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use fenz_core::Result;
use moka::sync::Cache;
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use super::{App, feed_store::Feed, summaries::Preloaded};
use crate::domain::TagId;

/// The maximum age of a prefetched feed. Together with the TTL of a small set it
/// is a second.
const TTL: Duration = Duration::from_millis(250);
const MAX_ENTRIES: u64 = 10_000;
/// Queued requests; more are dropped.
const QUEUE_CAPACITY: usize = 64;
/// Videos to prefetch: the default page.
pub const PAGE_SIZE: usize = 20;

pub struct Prefetcher {
    /// By chosen tags, from their first request on.
    slots: Cache<Vec<TagId>, Arc<Slot>>,
    queue: mpsc::Sender<Vec<TagId>>,
    queued: AsyncMutex<mpsc::Receiver<Vec<TagId>>>,
}

#[derive(Default)]
struct Slot {
    requests: AtomicU32,
    prefetched: Mutex<Option<Prefetched>>,
}

struct Prefetched {
    feed: Feed,
    summaries: Preloaded,
    /// Of the sets that it was sampled from.
    generation: u64,
}

impl Default for Prefetcher {
    fn default() -> Self {
        let (queue, queued) = mpsc::channel(QUEUE_CAPACITY);
        let slots = Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(TTL).build();
        Self { slots, queue, queued: AsyncMutex::new(queued) }
    }
}

impl Prefetcher {
    /// Counts a request and takes the prefetched feed, if there is one of this
    /// generation of the sets.
    pub fn take(&self, tags: &[TagId], generation: u64) -> Option<(Feed, Preloaded)> {
        let slot = self.slots.get_with_by_ref(tags, Arc::default);
        slot.requests.fetch_add(1, Ordering::Relaxed);
        let prefetched = slot.lock().take()?;
        (prefetched.generation == generation).then_some((prefetched.feed, prefetched.summaries))
    }

    /// Queues a prefetch, unless these tags were requested only once.
    pub fn enqueue(&self, tags: &[TagId]) {
        if let Some(slot) = self.slots.get(tags)
            && slot.requests.load(Ordering::Relaxed) > 1
            && slot.lock().is_none()
        {
            // Prefetching is optional: a full queue drops the request.
            self.queue.try_send(tags.to_vec()).ok();
        }
    }

    /// The next tags to prefetch for. For one caller.
    pub async fn next(&self) -> Vec<TagId> {
        match self.queued.lock().await.recv().await {
            Some(tags) => tags,
            // Unreachable: this owns the sender too.
            None => std::future::pending().await,
        }
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Prefetched>> {
        self.prefetched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Makes a feed for the next request with these tags.
    pub async fn prefetch(&self, tags: &[TagId]) -> Result<()> {
        let Some(slot) = self.prefetcher.slots.get(tags).filter(|slot| slot.lock().is_none()) else { return Ok(()) };
        let generation = self.sets.generation();
        let feed = self.sample_feed(tags, &HashSet::new(), PAGE_SIZE).await?;
        let summaries = self.summaries.preload(&feed.ids(0..PAGE_SIZE.min(feed.ids.len()))).await?;
        *slot.lock() = Some(Prefetched { feed, summaries, generation });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefetched(generation: u64) -> Prefetched {
        Prefetched { feed: Feed { ids: vec![1], ..Feed::default() }, summaries: Preloaded::default(), generation }
    }

    #[tokio::test]
    async fn only_repeated_requests_are_prefetched_and_each_feed_is_used_once() {
        let (prefetcher, tags) = (Prefetcher::default(), [TagId(1), TagId(2)]);
        prefetcher.enqueue(&tags);
        assert!(prefetcher.take(&tags, 0).is_none());
        prefetcher.enqueue(&tags);
        assert!(prefetcher.queued.try_lock().unwrap().try_recv().is_err(), "requested once");
        assert!(prefetcher.take(&tags, 0).is_none());
        prefetcher.enqueue(&tags);
        assert_eq!(prefetcher.next().await, tags);
        *prefetcher.slots.get(tags.as_slice()).unwrap().lock() = Some(prefetched(0));
        prefetcher.enqueue(&tags);
        assert!(prefetcher.queued.try_lock().unwrap().try_recv().is_err(), "already prefetched");
        assert_eq!(prefetcher.take(&tags, 0).unwrap().0.ids, [1]);
        assert!(prefetcher.take(&tags, 0).is_none(), "used");
    }

    #[tokio::test]
    async fn feeds_of_another_generation_are_dropped() {
        let (prefetcher, tags) = (Prefetcher::default(), [TagId(1)]);
        assert!(prefetcher.take(&tags, 7).is_none());
        *prefetcher.slots.get(tags.as_slice()).unwrap().lock() = Some(prefetched(7));
        assert!(prefetcher.take(&tags, 8).is_none());
        assert!(prefetcher.take(&tags, 7).is_none());
    }
}
