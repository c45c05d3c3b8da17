//! Large sets of Redis that were asked for of late, whole: eight bytes an id
//! here, a millisecond of Redis for each request there.
//!
//! They are up to half a minute old. What is new waits so long until it is one
//! among thousands; what is gone is not shown, whoever has it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::Key;
use crate::domain::draw::Ids;

/// After this time they are fetched again.
const FOR: Duration = Duration::from_secs(30);
/// A set that nobody asked for so long is let go.
const IDLE: Duration = Duration::from_secs(600);
/// Ids of one set, and of all together: 64 MB.
pub const MOST_IDS: usize = 1_000_000;
const MOST_IN_ALL: usize = 8_000_000;

#[derive(Default)]
pub struct Large(Mutex<HashMap<Key, Set>>);

struct Set {
    /// None until it was fetched, and where it is too large.
    ids: Option<Ids>,
    fetched: Option<Instant>,
    used: Instant,
}

impl Large {
    /// A set, if it is there; if not it is soon.
    pub fn find(&self, key: Key) -> Option<Ids> {
        let mut sets = self.lock();
        let set = sets.entry(key).or_insert_with(|| Set { ids: None, fetched: None, used: Instant::now() });
        set.used = Instant::now();
        set.ids.clone()
    }

    /// One that is to be fetched, if there is room for more.
    pub fn due(&self) -> Option<Key> {
        let mut sets = self.lock();
        sets.retain(|_, set| set.used.elapsed() < IDLE);
        let count: usize = sets.values().filter_map(|set| set.ids.as_ref()).map(|ids| ids.len()).sum();
        let is_due = |set: &Set| match set.fetched {
            Some(since) => since.elapsed() >= FOR,
            None => count < MOST_IN_ALL,
        };
        sets.iter().find(|(_, set)| is_due(set)).map(|(key, _)| *key)
    }

    /// What was fetched; None where it is too large, or not there.
    pub fn put(&self, key: Key, ids: Option<Ids>) {
        if let Some(set) = self.lock().get_mut(&key) {
            (set.ids, set.fetched) = (ids, Some(Instant::now()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Set>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_fetched_once_and_then_there() {
        let large = Large::default();
        assert_eq!(large.due(), None);
        assert_eq!((large.find(None), large.due()), (None, Some(None)));
        large.put(None, Some(Ids::new(vec![1, 2])));
        assert_eq!((large.find(None), large.due()), (Some(Ids::new(vec![1, 2])), None));
    }
}
