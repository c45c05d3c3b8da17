//! The sessions that ended while their access tokens may still be alive.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// Ended sessions by id, each with the expiry (Unix seconds) of its last access
/// token.
#[derive(Default)]
pub struct Revocations {
    ended: RwLock<HashMap<String, i64>>,
    loaded: AtomicBool,
}

impl Revocations {
    /// Whether the list was read completely at least once. Until then, no
    /// signed-in request can be accepted.
    pub fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }

    pub fn contains(&self, session: &str) -> bool {
        self.ended.read().unwrap_or_else(PoisonError::into_inner).contains_key(session)
    }

    pub fn mark_loaded(&self) {
        self.loaded.store(true, Ordering::Release);
    }

    /// Adds ended sessions and removes those whose tokens have all expired.
    pub fn add(&self, ended: Vec<(String, i64)>, now: i64) {
        let known = self.ended.read().unwrap_or_else(PoisonError::into_inner);
        let mut new = ended;
        new.retain(|(id, until)| *until >= now && !known.contains_key(id));
        // Most polls change nothing: no write lock, which would block requests.
        let any_expired = known.values().any(|until| *until < now);
        drop(known);
        if !new.is_empty() || any_expired {
            let mut kept = self.ended.write().unwrap_or_else(PoisonError::into_inner);
            kept.retain(|_, until| *until >= now);
            kept.extend(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_session_while_its_tokens_live() {
        let revocations = Revocations::default();
        let entry = |id: &str, until| (id.to_owned(), until);
        revocations.add(vec![entry("a", 100), entry("b", 200), entry("old", 50)], 60);
        assert!(revocations.contains("a") && revocations.contains("b") && !revocations.contains("old"));
        revocations.add(vec![entry("b", 200)], 60);
        revocations.add(vec![], 101);
        assert!(!revocations.contains("a") && revocations.contains("b"));
    }
}
