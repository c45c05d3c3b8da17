//! `VideoService`.

use fenz_chassis::{caller_of, require_user};
use fenz_contract::{
    content::v1::{self as pb, VideoServiceHandler},
    time_field,
};
use fenz_core::{Result, text};
use tonic::{Request, Response};

use super::{Api, edit, encode, headers};
use crate::{
    app::{Edit, NewVideo, WatchRequest},
    domain::{CategoryId, ChannelId, Tier, UploadId, VideoFilter, VideoId},
};

impl VideoServiceHandler for Api {
    async fn create_video(
        &self,
        request: Request<pb::CreateVideoRequest>,
    ) -> Result<Response<pb::CreateVideoResponse>> {
        let owner = require_user(&request)?.id;
        let key = headers::idempotency_key(&request)?;
        let new = new_video(request.into_inner())?;
        let video = self.0.create(owner, new, key).await?;
        encode::with_etag(pb::CreateVideoResponse { video: Some(encode::playable(&video)) }, &video)
    }

    async fn get_video(&self, request: Request<pb::GetVideoRequest>) -> Result<Response<pb::GetVideoResponse>> {
        let caller = caller_of(&request);
        let message = request.get_ref();
        let visitor = headers::visitor(request.metadata(), &caller, message.session_id.as_deref());
        let video = self.0.get(VideoId(message.id), WatchRequest { caller: &caller, visitor }).await?;
        encode::with_etag(pb::GetVideoResponse { video: Some(encode::playable(&video)) }, &video)
    }

    async fn update_video(
        &self,
        request: Request<pb::UpdateVideoRequest>,
    ) -> Result<Response<pb::UpdateVideoResponse>> {
        let caller = require_user(&request)?.id;
        let if_match = headers::if_match(request.metadata());
        let message = request.into_inner();
        let id = VideoId(message.id);
        let changes = edit::changes(message)?;
        let video = self.0.update(Edit { id, caller, if_match, changes }).await?;
        encode::with_etag(pb::UpdateVideoResponse { video: Some(encode::playable(&video)) }, &video)
    }

    async fn delete_video(
        &self,
        request: Request<pb::DeleteVideoRequest>,
    ) -> Result<Response<pb::DeleteVideoResponse>> {
        let caller = require_user(&request)?.id;
        self.0.delete(VideoId(request.into_inner().id), caller).await?;
        Ok(Response::new(pb::DeleteVideoResponse {}))
    }

    async fn publish_video(
        &self,
        request: Request<pb::PublishVideoRequest>,
    ) -> Result<Response<pb::PublishVideoResponse>> {
        let caller = require_user(&request)?.id;
        let message = request.into_inner();
        let video = self.0.publish(VideoId(message.id), caller, message.published.unwrap_or_default()).await?;
        encode::with_etag(pb::PublishVideoResponse { video: Some(encode::playable(&video)) }, &video)
    }

    async fn list_videos(&self, request: Request<pb::ListVideosRequest>) -> Result<Response<pb::ListVideosResponse>> {
        let message = request.into_inner();
        let page = self.0.page(message.page, message.page_size)?;
        let filter = VideoFilter {
            channel: message.channel_id.map(ChannelId),
            category: message.category_id.map(CategoryId),
            tags: edit::tags(message.tag_ids),
            ..VideoFilter::default()
        };
        let found = self.0.list(filter, page).await?;
        let videos = found.videos.iter().map(encode::listed).collect();
        Ok(Response::new(pb::ListVideosResponse { videos, total: found.total as i64 }))
    }

    async fn list_subscribed_videos(
        &self,
        request: Request<pb::ListSubscribedVideosRequest>,
    ) -> Result<Response<pb::ListSubscribedVideosResponse>> {
        let user = require_user(&request)?.id;
        let message = request.into_inner();
        let page = self.0.page(message.page, message.page_size)?;
        let found = self.0.list_subscribed(user, page).await?;
        let videos = found.videos.iter().map(encode::listed).collect();
        Ok(Response::new(pb::ListSubscribedVideosResponse { videos, total: found.total as i64 }))
    }
}

fn new_video(request: pb::CreateVideoRequest) -> Result<NewVideo> {
    Ok(NewVideo {
        title: text::line("title", &request.title)?,
        description: request.description,
        category: edit::category(request.category_id),
        tags: edit::tags(request.tag_ids),
        tier: Tier::from_number(request.access_tier),
        upload: UploadId(request.video_upload_id),
        thumbnail: request.thumbnail_upload_id.map(UploadId),
        publish: request.publish,
        publish_at: time_field("publishAt", request.publish_at)?,
    })
}
