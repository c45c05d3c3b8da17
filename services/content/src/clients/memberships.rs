//! Client of the channel service's memberships, with a cache.

use std::time::Duration;

use fenz_chassis::{peers::PeerChannel, status};
use fenz_contract::channel::v1::{
    GetMembershipRequest, ListMembershipsRequest, membership_service_client::MembershipServiceClient,
};
use fenz_core::{ChannelId, Result, UserId};
use moka::sync::Cache;

use crate::domain::Tier;

const CAPACITY: u64 = 50_000;
/// Longer than a call to the channel service takes.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Without a channel service nobody has a membership.
#[derive(Clone)]
pub struct Memberships {
    client: Option<MembershipServiceClient<PeerChannel>>,
    tiers: Cache<(UserId, ChannelId), Tier>,
    /// Recently changed memberships are not cached: a reply in flight may be stale.
    changed: Cache<(UserId, ChannelId), ()>,
}

impl Memberships {
    pub fn new(channel: Option<PeerChannel>, ttl: Duration) -> Self {
        let tiers = Cache::builder().max_capacity(CAPACITY).time_to_live(ttl).build();
        let changed = Cache::builder().max_capacity(CAPACITY).time_to_live(CALL_TIMEOUT).build();
        Self { client: channel.map(MembershipServiceClient::new), tiers, changed }
    }

    /// The tier of a user's membership of a channel. Only a tier of at least
    /// `required` is taken from the cache.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the channel service does not answer.
    pub async fn tier(&self, user: UserId, channel: ChannelId, required: Tier) -> Result<Tier> {
        let Some(client) = &self.client else { return Ok(Tier::None) };
        let key = (user, channel);
        if let Some(tier) = self.tiers.get(&key).filter(|tier| *tier >= required) {
            return Ok(tier);
        }
        let request = GetMembershipRequest { user_id: user.0, channel_id: channel.0 };
        let tier = Tier::from_number(
            client.clone().get_membership(request).await.map_err(status::into_error)?.into_inner().tier,
        );
        if tier > Tier::None && !self.changed.contains_key(&key) {
            self.tiers.insert(key, tier);
        }
        Ok(tier)
    }

    /// To be called when a membership has changed.
    pub fn invalidate(&self, user: UserId, channel: ChannelId) {
        self.changed.insert((user, channel), ());
        self.tiers.invalidate(&(user, channel));
    }

    /// The channels of which a user is a member.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the channel service does not answer.
    pub async fn channels_of(&self, user: UserId) -> Result<Vec<ChannelId>> {
        let Some(client) = &self.client else { return Ok(Vec::new()) };
        let reply = client.clone().list_memberships(ListMembershipsRequest { user_id: user.0 }).await;
        Ok(reply.map_err(status::into_error)?.into_inner().channel_ids.into_iter().map(ChannelId).collect())
    }
}
