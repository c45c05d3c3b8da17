//! Who holds which membership of a channel.

use fenz_chassis::{Result, UserId, peers::PeerChannel};
use fenz_contract::channel::v1::{GetMembershipRequest, membership_service_client::MembershipServiceClient};

use crate::domain::Tier;

/// The channel service; where there is none, nobody holds a membership.
#[derive(Clone)]
pub struct Memberships {
    client: Option<MembershipServiceClient<PeerChannel>>,
}

impl Memberships {
    pub fn new(channel: Option<PeerChannel>) -> Self {
        Self { client: channel.map(MembershipServiceClient::new) }
    }

    /// The tier of a user's membership of a channel.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the channel service does not answer.
    pub async fn held(&self, user: UserId, channel_id: i64) -> Result<Tier> {
        let Some(client) = &self.client else { return Ok(Tier::Open) };
        let request = GetMembershipRequest { user_id: user.0, channel_id };
        let reply = client.clone().get_membership(request).await?;
        Ok(Tier::of(reply.into_inner().tier))
    }
}
