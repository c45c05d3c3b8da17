//! `ChannelCatalogService`.

use fenz_contract::channel::v1::{self as pb, ChannelCatalogServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use super::Api;
use crate::domain::{ChannelId, UploadId};

const DEFAULT_LIMIT: i32 = 500;

impl ChannelCatalogServiceHandler for Api {
    async fn list_catalog_channels(
        &self,
        request: Request<pb::ListCatalogChannelsRequest>,
    ) -> Result<Response<pb::ListCatalogChannelsResponse>> {
        let message = request.into_inner();
        let limit = message.limit.unwrap_or(DEFAULT_LIMIT).max(1) as u64;
        let channels = self.0.list_channels(ChannelId(message.after_id), limit).await?;
        let channels = channels.iter().map(|channel| self.0.changed_event(channel)).collect();
        Ok(Response::new(pb::ListCatalogChannelsResponse { channels }))
    }

    async fn get_catalog_channel(
        &self,
        request: Request<pb::GetCatalogChannelRequest>,
    ) -> Result<Response<pb::GetCatalogChannelResponse>> {
        let channel = self.0.channel_with_hidden(ChannelId(request.into_inner().id)).await?;
        Ok(Response::new(pb::GetCatalogChannelResponse { channel: Some(self.0.changed_event(&channel)) }))
    }

    async fn get_upload_use(
        &self,
        request: Request<pb::GetUploadUseRequest>,
    ) -> Result<Response<pb::GetUploadUseResponse>> {
        let pb::GetUploadUseRequest { channel_id, upload_id } = request.into_inner();
        let is_used = self.0.has_picture(ChannelId(channel_id), UploadId(upload_id)).await?;
        Ok(Response::new(pb::GetUploadUseResponse { is_used }))
    }
}
