//! `OwnChannelService`.

use fenz_chassis::{Caller, Result};
use fenz_contract::channel::v1::{self as pb, own_channel_service_server::OwnChannelService};
use tonic::{Request, Response, Status};

use super::{Api, encode};

#[async_trait::async_trait]
impl OwnChannelService for Api {
    async fn delete_own_channel(
        &self,
        request: Request<pb::DeleteOwnChannelRequest>,
    ) -> Result<Response<pb::DeleteOwnChannelResponse>, Status> {
        self.0.delete_own(Caller::of(&request).require_user()?.id).await?;
        Ok(Response::new(pb::DeleteOwnChannelResponse {}))
    }

    async fn create_own_channel(
        &self,
        request: Request<pb::CreateOwnChannelRequest>,
    ) -> Result<Response<pb::CreateOwnChannelResponse>, Status> {
        let caller = Caller::of(&request);
        let message = request.into_inner();
        let view = self.0.create_own(&caller, &message.name, &message.description).await?;
        Ok(encode::with_etag(pb::CreateOwnChannelResponse { channel: Some(encode::view(&self.0, &view)) }, &view)?)
    }
}
