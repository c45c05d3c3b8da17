//! `VideoAdminService`.

use fenz_chassis::{caller_of, require_user};
use fenz_contract::content::v1::{self as pb, VideoAdminServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use super::{Api, encode, import};
use crate::domain::{ChannelId, ReviewFilter, VideoId};

impl VideoAdminServiceHandler for Api {
    async fn list_all_videos(
        &self,
        request: Request<pb::ListAllVideosRequest>,
    ) -> Result<Response<pb::ListAllVideosResponse>> {
        let message = request.into_inner();
        let page = self.0.page(message.page, message.page_size)?;
        let channel = message.channel_id.map(ChannelId);
        let filter = ReviewFilter { channel, moderated: message.is_hidden, published: message.is_published };
        let (videos, total) = self.0.review(filter, page).await?;
        let videos = videos.iter().map(encode::listed).collect();
        Ok(Response::new(pb::ListAllVideosResponse { videos, total: total as i64 }))
    }

    async fn hide_video(&self, request: Request<pb::HideVideoRequest>) -> Result<Response<pb::HideVideoResponse>> {
        let caller = caller_of(&request);
        let message = request.into_inner();
        let video = self.0.moderate(VideoId(message.id), caller.require_user()?, true, &message.text).await?;
        encode::with_etag(pb::HideVideoResponse { video: Some(encode::playable(&video)) }, &video)
    }

    async fn restore_video(
        &self,
        request: Request<pb::RestoreVideoRequest>,
    ) -> Result<Response<pb::RestoreVideoResponse>> {
        let caller = caller_of(&request);
        let id = VideoId(request.into_inner().id);
        let video = self.0.moderate(id, caller.require_user()?, false, "").await?;
        encode::with_etag(pb::RestoreVideoResponse { video: Some(encode::playable(&video)) }, &video)
    }

    async fn import_videos(
        &self,
        request: Request<pb::ImportVideosRequest>,
    ) -> Result<Response<pb::ImportVideosResponse>> {
        let actor = require_user(&request)?.id;
        let videos = request.into_inner().videos.into_iter().enumerate();
        let imports = videos.map(|(index, video)| import::decode(index, video)).collect::<Result<_>>()?;
        let imported = self.0.import(actor, imports).await?;
        let ids = imported.ids.into_iter().map(|id| id.0).collect();
        Ok(Response::new(pb::ImportVideosResponse { ids, imported: imported.new as i32 }))
    }
}
