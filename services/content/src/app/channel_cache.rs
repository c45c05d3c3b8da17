//! Channel states from broadcast events. These reach every replica before a consumer
//! has updated the table.

use std::time::Duration;

use fenz_core::ChannelId;
use moka::sync::Cache;

use crate::domain::ChannelState;

/// By then the table is up to date too.
const TTL: Duration = Duration::from_secs(3600);
const CAPACITY: u64 = 10_000;

/// The latest broadcast state of channels. Clones share it.
#[derive(Clone)]
pub struct ChannelCache(Cache<ChannelId, ChannelState>);

impl Default for ChannelCache {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(TTL).build())
    }
}

impl ChannelCache {
    /// Stores a state, unless a later version is cached.
    pub fn update(&self, state: ChannelState) {
        self.0.entry(state.id).or_insert_with_if(|| state, |cached| cached.version < state.version);
    }

    /// Whether a channel hides its videos, by the later version of the cached and
    /// the stored state.
    pub fn is_hidden(&self, channel: ChannelId, stored: Option<ChannelState>) -> bool {
        let latest = match (self.0.get(&channel), stored) {
            (Some(cached), Some(stored)) if cached.version > stored.version => Some(cached),
            (cached, stored) => stored.or(cached),
        };
        latest.is_some_and(|state| state.hides_videos())
    }
}

#[cfg(test)]
mod tests {
    use fenz_core::UserId;

    use super::*;

    const ID: ChannelId = ChannelId(7);

    #[test]
    fn the_later_version_wins() {
        let state =
            |version, is_hidden| ChannelState { id: ID, owner: UserId(7), is_hidden, is_deleted: false, version };
        let cache = ChannelCache::default();
        assert!(!cache.is_hidden(ID, None));
        assert!(cache.is_hidden(ID, Some(state(1, true))));
        cache.update(state(3, true));
        cache.update(state(2, false));
        assert!(cache.is_hidden(ID, None));
        assert!(cache.is_hidden(ID, Some(state(2, false))));
        assert!(!cache.is_hidden(ID, Some(state(4, false))));
        assert!(!cache.is_hidden(ChannelId(8), None));
    }
}
