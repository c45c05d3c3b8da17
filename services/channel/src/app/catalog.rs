//! Channels for other services.

use fenz_core::Result;

use super::{App, channel_not_found};
use crate::{
    domain::{Channel, ChannelId, Picture, UploadId},
    store::channels,
};

impl App {
    /// Channels after an id, including hidden ones.
    pub async fn list_channels(&self, id: ChannelId, limit: u64) -> Result<Vec<Channel>> {
        Ok(channels::list_after(&self.db, id, limit).await?)
    }

    /// A channel, also a hidden one.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND`.
    pub async fn channel_with_hidden(&self, id: ChannelId) -> Result<Channel> {
        channels::find(&self.db, id).await?.ok_or_else(channel_not_found)
    }

    /// Whether a channel that is not deleted has an upload as a picture.
    pub async fn has_picture(&self, id: ChannelId, upload: UploadId) -> Result<bool> {
        let channel = channels::find(&self.db, id).await?;
        Ok(channel.is_some_and(|channel| Picture::ALL.iter().any(|p| channel.picture(*p) == Some(upload))))
    }
}
