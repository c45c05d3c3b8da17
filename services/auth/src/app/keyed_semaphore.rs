//! Limits concurrency per key. Without a limit on concurrent logins of one account,
//! an attacker could verify many passwords before the first failure is counted.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Clone, Default)]
pub struct KeyedSemaphore {
    semaphores: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

pub struct KeyedPermit {
    _permit: Option<OwnedSemaphorePermit>,
    _entry: Entry,
}

/// Keeps the semaphore of a key in the map while a task waits or has a permit.
struct Entry {
    owner: KeyedSemaphore,
    key: String,
    semaphore: Arc<Semaphore>,
}

impl KeyedSemaphore {
    /// Waits for a permit of the key, which always has the same limit.
    pub async fn acquire(&self, key: &str, limit: usize) -> KeyedPermit {
        let semaphore = self.lock().entry(key.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(limit))).clone();
        let entry = Entry { owner: self.clone(), key: key.to_owned(), semaphore };
        // Never an error: the semaphore is never closed.
        let permit = entry.semaphore.clone().acquire_owned().await.ok();
        KeyedPermit { _permit: permit, _entry: entry }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.semaphores.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut semaphores = self.owner.lock();
        // The map's reference and this one: no other task uses the key.
        if Arc::strong_count(&self.semaphore) == 2 {
            semaphores.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn permits_are_limited_per_key_and_unused_keys_are_removed() {
        let semaphore = KeyedSemaphore::default();
        let (one, two) = (semaphore.acquire("a", 2).await, semaphore.acquire("a", 2).await);
        let other = semaphore.acquire("b", 2).await;
        let waiting = tokio::spawn({
            let semaphore = semaphore.clone();
            async move { drop(semaphore.acquire("a", 2).await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(one);
        waiting.await.unwrap();
        drop((two, other));
        assert!(semaphore.lock().is_empty());
    }
}
