//! Counts what is open at once, by whom.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What is open, by key. Clones count together.
pub struct KeyedCounter<K>(Arc<Mutex<HashMap<K, usize>>>);

impl<K> Clone for KeyedCounter<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K> Default for KeyedCounter<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Clone> KeyedCounter<K> {
    /// One more of a key, until it is dropped; none when there are so many already.
    pub fn enter(&self, key: K, most: usize) -> Option<Place<K>> {
        let mut open = lock(&self.0);
        let taken = open.get(&key).copied().unwrap_or_default();
        if taken >= most {
            return None;
        }
        open.insert(key.clone(), taken + 1);
        drop(open);
        Some(Place { open: self.clone(), key })
    }

    /// Whether nothing is open.
    pub fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }
}

/// One of what a key has open.
pub struct Place<K: Eq + Hash> {
    open: KeyedCounter<K>,
    key: K,
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut open = lock(&self.open.0);
        if let Some(taken) = open.get_mut(&self.key) {
            *taken -= 1;
            if *taken == 0 {
                open.remove(&self.key);
            }
        }
    }
}

fn lock<K>(open: &Mutex<HashMap<K, usize>>) -> MutexGuard<'_, HashMap<K, usize>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}
