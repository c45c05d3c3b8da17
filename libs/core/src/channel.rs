//! What several services know of channels and their members.

use crate::{ChannelId, UserId};

/// The membership of a channel that a user has, or that a video requires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    #[default]
    None,
    /// Free.
    Subscriber,
    /// Paid.
    Premium,
}

impl Tier {
    /// Unknown numbers map to the highest tier: a video that requires one is not
    /// open to everybody.
    pub fn from_number(number: i32) -> Self {
        match number {
            ..=0 => Self::None,
            1 => Self::Subscriber,
            _ => Self::Premium,
        }
    }

    /// The number in the contract and in databases.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// The name in the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Subscriber => "subscriber",
            Self::Premium => "premium",
        }
    }
}

/// The state of a channel as its own events describe it; it applies to all of the
/// channel's videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelState {
    pub id: ChannelId,
    pub owner: UserId,
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
