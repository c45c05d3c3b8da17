//! Every channel there is, for services that keep a projection.

use fenz_chassis::Result;

use super::{App, channel_not_found};
use crate::{
    domain::{Channel, ChannelId},
    store::channels,
};

impl App {
    /// Channels after an id, hidden ones too.
    pub async fn channels_after(&self, id: ChannelId, limit: u64) -> Result<Vec<Channel>> {
        Ok(channels::after(&self.db, id, limit).await?)
    }

    /// # Errors
    /// `CHANNEL_NOT_FOUND` when it is gone; a hidden one is there.
    pub async fn any_channel(&self, id: ChannelId) -> Result<Channel> {
        channels::find(&self.db, id).await?.ok_or_else(channel_not_found)
    }
}
