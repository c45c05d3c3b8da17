//! Who holds which membership of a channel.

use std::time::Duration;

use fenz_chassis::{Result, UserId, peers::PeerChannel};
use fenz_contract::channel::v1::{
    GetMembershipRequest, ListMembershipsRequest, membership_service_client::MembershipServiceClient,
};
use moka::sync::Cache;

use crate::domain::Tier;

/// Memberships kept in mind.
const AT_MOST: u64 = 50_000;
/// Longer than an answer takes.
const ANSWER: Duration = Duration::from_secs(10);

/// The channel service; where there is none, nobody holds a membership.
#[derive(Clone)]
pub struct Memberships {
    client: Option<MembershipServiceClient<PeerChannel>>,
    held: Cache<(UserId, i64), Tier>,
    /// Those that changed a moment ago: an answer that was on its way then may
    /// be of before.
    changed: Cache<(UserId, i64), ()>,
}

impl Memberships {
    pub fn new(channel: Option<PeerChannel>, ttl: Duration) -> Self {
        let held = Cache::builder().max_capacity(AT_MOST).time_to_live(ttl).build();
        let changed = Cache::builder().max_capacity(AT_MOST).time_to_live(ANSWER).build();
        Self { client: channel.map(MembershipServiceClient::new), held, changed }
    }

    /// The tier of a user's membership of a channel; one that suffices may be as
    /// old as the time to live.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the channel service does not answer.
    pub async fn held(&self, user: UserId, channel_id: i64, needed: Tier) -> Result<Tier> {
        let Some(client) = &self.client else { return Ok(Tier::Open) };
        let key = (user, channel_id);
        if let Some(tier) = self.held.get(&key).filter(|tier| *tier >= needed) {
            return Ok(tier);
        }
        let request = GetMembershipRequest { user_id: user.0, channel_id };
        let tier = Tier::of(client.clone().get_membership(request).await?.into_inner().tier);
        if tier > Tier::Open && !self.changed.contains_key(&key) {
            self.held.insert(key, tier);
        }
        Ok(tier)
    }

    /// A membership has changed.
    pub fn forget(&self, user: UserId, channel_id: i64) {
        self.changed.insert((user, channel_id), ());
        self.held.invalidate(&(user, channel_id));
    }

    /// The channels that a user belongs to.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the channel service does not answer.
    pub async fn channels_of(&self, user: UserId) -> Result<Vec<i64>> {
        let Some(client) = &self.client else { return Ok(Vec::new()) };
        let reply = client.clone().list_memberships(ListMembershipsRequest { user_id: user.0 }).await?;
        Ok(reply.into_inner().channel_ids)
    }
}
