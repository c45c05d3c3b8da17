//! What is heard of channels before this service's own table knows it: the
//! event reaches every replica at once, its effect on the table comes after.

use std::time::Duration;

use moka::sync::Cache;

use crate::domain::ChannelState;

/// By then the table knows it too.
const KEPT: Duration = Duration::from_secs(3600);
const AT_MOST: u64 = 10_000;

/// The latest that was overheard of channels. Clones are the same.
#[derive(Clone)]
pub struct OverheardChannels(Cache<i64, ChannelState>);

impl Default for OverheardChannels {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(AT_MOST).time_to_live(KEPT).build())
    }
}

impl OverheardChannels {
    /// Keeps what was heard, unless something later was.
    pub fn hear(&self, state: ChannelState) {
        self.0.entry(state.id).or_insert_with_if(|| state, |known| known.version < state.version);
    }

    /// Whether a channel keeps its videos out of sight, by the later of what
    /// was heard and what the table knows.
    pub fn withholds(&self, channel: i64, known: Option<ChannelState>) -> bool {
        let heard = self.0.get(&channel);
        match (heard, known) {
            (Some(heard), Some(known)) if heard.version > known.version => heard.withholds(),
            (Some(heard), None) => heard.withholds(),
            (_, known) => known.is_some_and(|known| known.withholds()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_word_holds() {
        let state = |version, is_hidden| ChannelState { id: 7, owner_id: 7, is_hidden, is_deleted: false, version };
        let heard = OverheardChannels::default();
        assert!(!heard.withholds(7, None));
        assert!(heard.withholds(7, Some(state(1, true))));
        heard.hear(state(3, true));
        heard.hear(state(2, false));
        assert!(heard.withholds(7, None));
        assert!(heard.withholds(7, Some(state(2, false))));
        assert!(!heard.withholds(7, Some(state(4, false))));
        assert!(!heard.withholds(8, None));
    }
}
