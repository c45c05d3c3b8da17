//! Drawings made before they are asked for. The videos of a large catalogue are
//! in Redis alone, and to wait for it takes half as long as all the rest of a
//! request.
//!
//! A taste that is asked for twice within [`FOR`] is drawn for once more, behind
//! the second reply. Each drawing is given out once, as if it had just been
//! made.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use fenz_chassis::Result;
use moka::sync::Cache;
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use super::{App, feeds::Feed, shelf::Ready};
use crate::domain::TagId;

/// How old a drawing may be. With the time that a small set is kept it is a
/// second.
const FOR: Duration = Duration::from_millis(250);
/// Tastes at a time.
const TASTES: u64 = 10_000;
/// Tastes that wait to be drawn for; more do without.
const WAITING: usize = 64;
/// Videos that are looked up ahead: a page as most ask for it.
pub const PAGE: usize = 20;

pub struct Ahead {
    /// By the tags of a taste, since it was asked for first.
    slots: Cache<Vec<TagId>, Arc<Slot>>,
    orders: mpsc::Sender<Vec<TagId>>,
    ordered: AsyncMutex<mpsc::Receiver<Vec<TagId>>>,
}

#[derive(Default)]
struct Slot {
    asked: AtomicU32,
    drawn: Mutex<Option<Drawn>>,
}

struct Drawn {
    feed: Feed,
    ready: Ready,
    /// What the sets were then.
    state: u64,
}

impl Default for Ahead {
    fn default() -> Self {
        let (orders, ordered) = mpsc::channel(WAITING);
        let slots = Cache::builder().max_capacity(TASTES).time_to_live(FOR).build();
        Self { slots, orders, ordered: AsyncMutex::new(ordered) }
    }
}

impl Ahead {
    /// A drawing for a taste, if there is one of what the sets are now.
    pub fn take(&self, tags: &[TagId], state: u64) -> Option<(Feed, Ready)> {
        let slot = self.slots.get_with_by_ref(tags, Arc::default);
        slot.asked.fetch_add(1, Ordering::Relaxed);
        let drawn = slot.lock().take()?;
        (drawn.state == state).then_some((drawn.feed, drawn.ready))
    }

    /// It was asked for and its videos were not at hand: draws for it ahead, if
    /// that was not the first time.
    pub fn want(&self, tags: &[TagId]) {
        if let Some(slot) = self.slots.get(tags)
            && slot.asked.load(Ordering::Relaxed) > 1
            && slot.lock().is_none()
        {
            // Where too many wait it is drawn for when it is asked for.
            self.orders.try_send(tags.to_vec()).ok();
        }
    }

    /// The next taste to draw for. For one caller.
    pub async fn wanted(&self) -> Vec<TagId> {
        match self.ordered.lock().await.recv().await {
            Some(tags) => tags,
            // Not while this has the other end.
            None => std::future::pending().await,
        }
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Drawn>> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Draws for a taste, for whoever asks next.
    pub async fn draw_ahead(&self, tags: &[TagId]) -> Result<()> {
        let Some(slot) = self.ahead.slots.get(tags).filter(|slot| slot.lock().is_none()) else { return Ok(()) };
        let state = self.sets.state();
        let feed = self.draw(tags, &HashSet::new(), PAGE).await?;
        let ready = self.shelf.fetch(&feed.ids[..PAGE.min(feed.ids.len())]).await?;
        *slot.lock() = Some(Drawn { feed, ready, state });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(state: u64) -> Drawn {
        Drawn { feed: Feed { ids: vec![1], ..Feed::default() }, ready: Ready::default(), state }
    }

    #[tokio::test]
    async fn only_what_is_asked_for_again_is_drawn_ahead_and_given_out_once() {
        let (ahead, tags) = (Ahead::default(), [TagId(1), TagId(2)]);
        ahead.want(&tags);
        assert!(ahead.take(&tags, 0).is_none());
        ahead.want(&tags);
        assert!(ahead.ordered.try_lock().unwrap().try_recv().is_err(), "asked for once");
        assert!(ahead.take(&tags, 0).is_none());
        ahead.want(&tags);
        assert_eq!(ahead.wanted().await, tags);
        *ahead.slots.get(tags.as_slice()).unwrap().lock() = Some(drawn(0));
        ahead.want(&tags);
        assert!(ahead.ordered.try_lock().unwrap().try_recv().is_err(), "there is one");
        assert_eq!(ahead.take(&tags, 0).unwrap().0.ids, [1]);
        assert!(ahead.take(&tags, 0).is_none(), "it was given out");
    }

    #[tokio::test]
    async fn what_was_drawn_from_other_sets_is_dropped() {
        let (ahead, tags) = (Ahead::default(), [TagId(1)]);
        assert!(ahead.take(&tags, 7).is_none());
        *ahead.slots.get(tags.as_slice()).unwrap().lock() = Some(drawn(7));
        assert!(ahead.take(&tags, 8).is_none());
        assert!(ahead.take(&tags, 7).is_none());
    }
}
