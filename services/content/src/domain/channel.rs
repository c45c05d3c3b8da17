//! What a channel decides for all its videos.

/// A channel as its own events tell it, by version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelState {
    pub id: i64,
    pub owner_id: i64,
    pub is_hidden: bool,
    pub is_deleted: bool,
    pub version: i64,
}

impl ChannelState {
    /// Its videos are out of sight for all but their owner and moderators.
    pub fn withholds(&self) -> bool {
        self.is_hidden || self.is_deleted
    }
}
