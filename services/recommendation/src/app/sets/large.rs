//! Recently used large sets of Redis, copied to memory: eight bytes per id save
//! a millisecond of Redis per request.
//!
//! Copies are up to half a minute old. Until then a new video is missing, one
//! among thousands; a removed one is filtered out with its summary.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::SetKey;
use crate::domain::sampling::Ids;

/// The maximum age of a copy.
const TTL: Duration = Duration::from_secs(30);
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);
/// Ids of one set.
pub const MAX_SET_LEN: usize = 1_000_000;
/// Ids of all sets together: 64 MB.
const MAX_TOTAL_LEN: usize = 8_000_000;

#[derive(Default)]
pub struct LargeSets(Mutex<HashMap<SetKey, Set>>);

struct Set {
    /// None until it was fetched, and if it is too large.
    ids: Option<Ids>,
    fetched: Option<Instant>,
    used: Instant,
}

impl LargeSets {
    /// A copy, if there is one; otherwise it becomes due.
    pub fn get(&self, key: SetKey) -> Option<Ids> {
        let mut sets = self.lock();
        let set = sets.entry(key).or_insert_with(|| Set { ids: None, fetched: None, used: Instant::now() });
        set.used = Instant::now();
        set.ids.clone()
    }

    /// A set to fetch, if the limits allow it.
    pub fn due(&self) -> Option<SetKey> {
        let mut sets = self.lock();
        sets.retain(|_, set| set.used.elapsed() < IDLE_TIMEOUT);
        let total: usize = sets.values().filter_map(|set| set.ids.as_ref()).map(|ids| ids.len()).sum();
        let is_due = |set: &Set| match set.fetched {
            Some(since) => since.elapsed() >= TTL,
            None => total < MAX_TOTAL_LEN,
        };
        sets.iter().find(|(_, set)| is_due(set)).map(|(key, _)| *key)
    }

    /// Stores a fetched set; None if it is too large or missing.
    pub fn put(&self, key: SetKey, ids: Option<Ids>) {
        if let Some(set) = self.lock().get_mut(&key) {
            (set.ids, set.fetched) = (ids, Some(Instant::now()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SetKey, Set>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::VideoId;

    #[test]
    fn a_used_set_is_due_once_until_it_expires() {
        let large = LargeSets::default();
        assert_eq!(large.due(), None);
        assert_eq!((large.get(None), large.due()), (None, Some(None)));
        let ids = Ids::new(vec![VideoId(1), VideoId(2)]);
        large.put(None, Some(ids.clone()));
        assert_eq!((large.get(None), large.due()), (Some(ids), None));
    }
}
