//! Views, counted in memory and stored every few seconds.
//!
//! The last seconds are lost when the process is killed. Which viewers were
//! counted is each replica's own knowledge, so that a viewer who reaches two of
//! them counts twice.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use fenz_chassis::{Result, database::transact};
use moka::sync::Cache;
use sea_orm::DatabaseConnection;

use crate::{
    domain::{VideoId, Views},
    store::videos,
};

/// For this long a viewer's next view of the same video is the same view.
const ONE_VIEW: Duration = Duration::from_secs(3600);
/// Viewers remembered, about 100 bytes each; the least recent are forgotten.
const REMEMBERED: u64 = 200_000;
/// Videos whose views are stored in one transaction.
const BATCH: usize = 100;

/// Who is one viewer: a user, else a session, else an address and browser.
#[derive(Clone, Copy, Debug, Hash)]
pub enum Visitor<'a> {
    User(i64),
    Session(&'a str),
    Client(Option<IpAddr>, Option<&'a str>),
}

/// The views that are not stored yet.
pub struct ViewBuffer {
    counters: Mutex<HashMap<VideoId, Arc<Counter>>>,
    /// Until which second of 1970 a viewer's view lasts.
    seen: Cache<(VideoId, u64), i64>,
    hasher: RandomState,
    flushing: tokio::sync::Mutex<()>,
}

/// The views of one video since the counter was made.
#[derive(Default)]
pub struct Counter {
    member: AtomicI64,
    other: AtomicI64,
    /// How many of them are stored. Held while they are being stored, and while
    /// the stored sum is being read: so the two always add up.
    stored: tokio::sync::Mutex<Views>,
}

impl Counter {
    pub fn count(&self, is_member: bool) {
        let counter = if is_member { &self.member } else { &self.other };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn counted(&self) -> Views {
        Views { member: self.member.load(Ordering::Relaxed), other: self.other.load(Ordering::Relaxed) }
    }

    /// How many of the counted are stored, fixed while the guard lives.
    pub async fn stored(&self) -> tokio::sync::MutexGuard<'_, Views> {
        self.stored.lock().await
    }
}

impl Default for ViewBuffer {
    fn default() -> Self {
        Self {
            counters: Mutex::default(),
            seen: Cache::builder().max_capacity(REMEMBERED).time_to_live(ONE_VIEW).build(),
            hasher: RandomState::new(),
            flushing: tokio::sync::Mutex::default(),
        }
    }
}

impl ViewBuffer {
    /// The counter of a video.
    pub fn counter(&self, id: VideoId) -> Arc<Counter> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone()
    }

    /// Whether this is a view, and not the same viewer's reload. `now` is a
    /// second of 1970.
    pub fn is_new(&self, id: VideoId, visitor: Visitor<'_>, now: i64) -> bool {
        let key = (id, self.hasher.hash_one(visitor));
        if self.seen.get(&key).is_some_and(|until| now < until) {
            return false;
        }
        let until = now + ONE_VIEW.as_secs() as i64;
        // Of two at the same time one is new.
        self.seen.entry(key).or_insert_with_if(|| until, |seen| *seen <= now).is_fresh()
    }

    /// Stores what was counted.
    ///
    /// # Errors
    /// What the database says. What could not be stored is kept for the next
    /// time.
    pub async fn flush(&self, db: &DatabaseConnection) -> Result<()> {
        let _one_at_a_time = self.flushing.lock().await;
        for batch in self.in_use().chunks(BATCH) {
            flush_batch(db, batch).await?;
        }
        Ok(())
    }

    /// The counters in use, in the order of their ids: rows are locked in the
    /// same order everywhere. Forgets those that nothing needs.
    fn in_use(&self) -> Vec<(VideoId, Arc<Counter>)> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.retain(|_, counter| {
            let stored = counter.stored.try_lock().is_ok_and(|stored| *stored == counter.counted());
            // Nobody else can get hold of it while the map is locked.
            !(stored && Arc::strong_count(counter) == 1)
        });
        let mut all: Vec<_> = counters.iter().map(|(id, counter)| (*id, counter.clone())).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }
}

async fn flush_batch(db: &DatabaseConnection, batch: &[(VideoId, Arc<Counter>)]) -> Result<()> {
    let mut changed = Vec::new();
    for (id, counter) in batch {
        let stored = counter.stored.lock().await;
        let counted = counter.counted();
        if *stored != counted {
            changed.push((*id, stored, counted));
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let added: Vec<_> = changed.iter().map(|(id, stored, counted)| (*id, *counted - **stored)).collect();
    let added = &added;
    transact(db, |txn| async move {
        for (id, more) in added {
            videos::add_views(&*txn, *id, *more).await?;
        }
        Ok(())
    })
    .await?;
    for (_, mut stored, counted) in changed {
        *stored = counted;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_view_an_hour_of_each_viewer() {
        let buffer = ViewBuffer::default();
        let (a, b) = (VideoId(1), VideoId(2));
        let home = Visitor::Client(Some([127, 0, 0, 1].into()), Some("curl"));
        for (id, visitor, now, is_new) in [
            (a, Visitor::User(1), 0, true),
            (a, Visitor::User(1), 3599, false),
            (a, Visitor::User(1), 3600, true),
            (a, Visitor::User(2), 3600, true),
            (b, Visitor::User(2), 3600, true),
            (a, Visitor::Session("abcdefgh"), 3600, true),
            (a, Visitor::Session("abcdefgh"), 3601, false),
            (a, home, 3600, true),
            (a, home, 3600, false),
            (a, Visitor::Client(Some([127, 0, 0, 1].into()), Some("wget")), 3600, true),
        ] {
            assert_eq!(buffer.is_new(id, visitor, now), is_new, "{id:?} {visitor:?} {now}");
        }
    }

    #[test]
    fn idle_counters_are_forgotten() {
        let buffer = ViewBuffer::default();
        let kept = buffer.counter(VideoId(1));
        buffer.counter(VideoId(2));
        buffer.counter(VideoId(3)).count(true);
        let ids: Vec<_> = buffer.in_use().into_iter().map(|(id, _)| id.0).collect();
        assert_eq!(ids, [1, 3]);
        drop(kept);
    }
}
