//! The sessions that ended while their access tokens may still be alive.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// Ended sessions, by id, and until when (seconds since 1970) they matter.
#[derive(Default)]
pub struct Revocations {
    ended: RwLock<HashMap<String, i64>>,
    loaded: AtomicBool,
}

impl Revocations {
    /// Whether the list was read once; before, nobody can be let in.
    pub fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }

    pub fn contains(&self, session: &str) -> bool {
        self.ended.read().unwrap_or_else(PoisonError::into_inner).contains_key(session)
    }

    /// Adds what ended, and drops what no live token can name any more.
    pub fn add(&self, ended: impl IntoIterator<Item = (String, i64)>, now: i64) {
        let mut ended = ended.into_iter().filter(|(_, until)| *until >= now).peekable();
        // Most turns bring nothing: readers need not wait for those.
        let outdated = || self.ended.read().unwrap_or_else(PoisonError::into_inner).values().any(|until| *until < now);
        if ended.peek().is_some() || outdated() {
            let mut kept = self.ended.write().unwrap_or_else(PoisonError::into_inner);
            kept.retain(|_, until| *until >= now);
            kept.extend(ended);
        }
        self.loaded.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_session_while_its_tokens_live() {
        let revocations = Revocations::default();
        assert!(!revocations.is_loaded());
        revocations.add([("a".to_owned(), 100), ("b".to_owned(), 200), ("old".to_owned(), 50)], 60);
        assert!(revocations.is_loaded());
        assert!(revocations.contains("a") && revocations.contains("b") && !revocations.contains("old"));
        revocations.add([], 101);
        assert!(!revocations.contains("a") && revocations.contains("b"));
    }
}
