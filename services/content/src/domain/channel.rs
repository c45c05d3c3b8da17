//! The state of a channel that applies to all its videos.

/// A channel as its own events describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelState {
    pub id: i64,
    pub owner_id: i64,
    pub is_hidden: bool,
    pub is_deleted: bool,
    pub version: i64,
}

impl ChannelState {
    /// Whether its videos are visible to their owner and moderators only.
    pub fn hides_videos(&self) -> bool {
        self.is_hidden || self.is_deleted
    }
}
