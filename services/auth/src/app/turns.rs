//! A few tries at a time for a name and address: with all of them at once, an
//! attacker would be through before the first failure is counted.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Clone)]
pub struct Turns {
    at_once: usize,
    places: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// Somebody's turn, until it is dropped.
pub struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
    _place: Place,
}

/// Keeps the entry of a key for as long as somebody waits or has a turn.
struct Place {
    turns: Turns,
    key: String,
    semaphore: Arc<Semaphore>,
}

impl Turns {
    pub fn new(at_once: usize) -> Self {
        Self { at_once, places: Arc::default() }
    }

    /// Waits until fewer than the allowed number work on the key.
    pub async fn take(&self, key: &str) -> Turn {
        let semaphore =
            self.lock().entry(key.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.at_once))).clone();
        let place = Place { turns: self.clone(), key: key.to_owned(), semaphore };
        // It is never closed, so there always is a permit.
        let permit = place.semaphore.clone().acquire_owned().await.ok();
        Turn { _permit: permit, _place: place }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.turns.lock();
        // The map's and ours: nobody else is here.
        if Arc::strong_count(&self.semaphore) == 2 {
            places.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_are_bounded_by_key_and_leave_nothing_behind() {
        let turns = Turns::new(2);
        let (one, two, other) = (turns.take("a").await, turns.take("a").await, turns.take("b").await);
        let waiting = tokio::spawn({
            let turns = turns.clone();
            async move { drop(turns.take("a").await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(one);
        waiting.await.unwrap();
        drop((two, other));
        assert!(turns.lock().is_empty());
    }
}
