//! `OwnChannelService`.

use fenz_chassis::{caller_of, require_user};
use fenz_contract::channel::v1::{self as pb, OwnChannelServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use super::{Api, encode};

impl OwnChannelServiceHandler for Api {
    async fn delete_own_channel(
        &self,
        request: Request<pb::DeleteOwnChannelRequest>,
    ) -> Result<Response<pb::DeleteOwnChannelResponse>> {
        self.0.delete_own(require_user(&request)?.id).await?;
        Ok(Response::new(pb::DeleteOwnChannelResponse {}))
    }

    async fn create_own_channel(
        &self,
        request: Request<pb::CreateOwnChannelRequest>,
    ) -> Result<Response<pb::CreateOwnChannelResponse>> {
        let caller = caller_of(&request);
        let message = request.into_inner();
        let view = self.0.create_own(&caller, &message.name, &message.description).await?;
        encode::with_etag(pb::CreateOwnChannelResponse { channel: Some(encode::view(&self.0, &view)) }, &view)
    }
}
