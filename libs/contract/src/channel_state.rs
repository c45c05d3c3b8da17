//! The state of a channel from its events.

use fenz_core::{ChannelId, ChannelState, UserId};

use crate::events::v1::{ChannelChanged, ChannelDeleted};

impl From<&ChannelChanged> for ChannelState {
    fn from(event: &ChannelChanged) -> Self {
        let ChannelChanged { channel_id, owner_id, is_hidden, version, .. } = *event;
        Self { id: ChannelId(channel_id), owner: UserId(owner_id), is_hidden, is_deleted: false, version }
    }
}

impl From<&ChannelDeleted> for ChannelState {
    fn from(event: &ChannelDeleted) -> Self {
        let ChannelDeleted { channel_id, owner_id, version, .. } = *event;
        Self { id: ChannelId(channel_id), owner: UserId(owner_id), is_hidden: false, is_deleted: true, version }
    }
}
