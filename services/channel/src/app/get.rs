//! Reads channels and memberships.

use fenz_core::{Caller, Result, UserId};

use super::{App, channel_not_found};
use crate::{
    domain::{Channel, ChannelId, Tier},
    store::{channels, memberships},
};

/// Limits a reply's size.
const MAX_MEMBERSHIPS: u64 = 1_000;

/// A channel as one caller sees it.
#[derive(Clone, Debug)]
pub struct ChannelView {
    pub channel: Channel,
    /// Of the caller.
    pub tier: Tier,
}

impl App {
    /// A channel that is visible to the caller.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND`, also for a hidden one.
    pub async fn get(&self, id: ChannelId, caller: &Caller) -> Result<ChannelView> {
        let channel = channels::find(&self.db, id).await?;
        let channel = channel.filter(|c| c.is_visible_to(caller)).ok_or_else(channel_not_found)?;
        self.view(channel, caller).await
    }

    /// A channel with the caller's tier.
    pub(super) async fn view(&self, channel: Channel, caller: &Caller) -> Result<ChannelView> {
        let tier = match caller.user() {
            Some(user) => self.tier(channel.id, user.id).await?,
            None => Tier::None,
        };
        Ok(ChannelView { channel, tier })
    }

    /// The tier of a user's membership of a channel.
    pub async fn tier(&self, channel: ChannelId, user: UserId) -> Result<Tier> {
        Ok(memberships::tier(&self.db, channel, user).await?)
    }

    /// The channels that a user is a member of, the newest membership first.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<ChannelId>> {
        Ok(memberships::channel_ids_of_user(&self.db, user, MAX_MEMBERSHIPS).await?)
    }
}
