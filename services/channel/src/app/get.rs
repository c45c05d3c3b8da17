//! Looking at a channel, and at who belongs to it.

use fenz_chassis::{Caller, Result, UserId};

use super::{App, channel_not_found};
use crate::{
    domain::{Channel, ChannelId, Tier},
    store::{channels, memberships},
};

/// The most memberships told at once.
const MAX_MEMBERSHIPS: u64 = 1_000;

/// A channel as one caller sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub channel: Channel,
    /// The caller's.
    pub tier: Tier,
}

impl App {
    /// A channel that the caller may know of.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND`, also for a hidden one.
    pub async fn get(&self, id: ChannelId, caller: &Caller) -> Result<Seen> {
        let channel = channels::find(&self.db, id).await?;
        let channel = channel.filter(|c| c.is_visible_to(caller)).ok_or_else(channel_not_found)?;
        self.seen_by(channel, caller).await
    }

    /// A channel with the caller's tier.
    pub(super) async fn seen_by(&self, channel: Channel, caller: &Caller) -> Result<Seen> {
        let tier = match caller.user() {
            Some(user) => self.tier(channel.id, user.id).await?,
            None => Tier::None,
        };
        Ok(Seen { channel, tier })
    }

    /// The tier of a user's membership of a channel.
    pub async fn tier(&self, channel: ChannelId, user: UserId) -> Result<Tier> {
        Ok(memberships::tier(&self.db, channel, user).await?)
    }

    /// The channels that a user belongs to, the newest membership first.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<i64>> {
        Ok(memberships::channels_of_user(&self.db, user, MAX_MEMBERSHIPS).await?)
    }
}
