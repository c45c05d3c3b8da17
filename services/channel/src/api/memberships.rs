//! `MembershipService`.

use fenz_contract::channel::v1::{self as pb, MembershipServiceHandler};
use fenz_core::{Result, UserId};
use tonic::{Request, Response};

use super::Api;
use crate::domain::ChannelId;

impl MembershipServiceHandler for Api {
    async fn get_membership(
        &self,
        request: Request<pb::GetMembershipRequest>,
    ) -> Result<Response<pb::GetMembershipResponse>> {
        let message = request.into_inner();
        let tier = self.0.tier(ChannelId(message.channel_id), UserId(message.user_id)).await?;
        Ok(Response::new(pb::GetMembershipResponse { tier: tier.number() }))
    }

    async fn list_memberships(
        &self,
        request: Request<pb::ListMembershipsRequest>,
    ) -> Result<Response<pb::ListMembershipsResponse>> {
        let channels = self.0.memberships(UserId(request.into_inner().user_id)).await?;
        let channel_ids = channels.into_iter().map(|id| id.0).collect();
        Ok(Response::new(pb::ListMembershipsResponse { channel_ids }))
    }
}
