//! `VideoService`.

use fenz_chassis::{Caller, Result};
use fenz_contract::content::v1::{self as pb, video_service_server::VideoService};
use tonic::{Request, Response, Status};

use super::{Api, edit, encode, headers};
use crate::{
    app::{Edit, NewVideo, WatchRequest},
    domain::{CategoryId, Tier, UploadId, VideoFilter, VideoId},
};

#[async_trait::async_trait]
impl VideoService for Api {
    async fn create_video(
        &self,
        request: Request<pb::CreateVideoRequest>,
    ) -> Result<Response<pb::CreateVideoResponse>, Status> {
        let owner = Caller::of(&request).require_user()?.id;
        let key = headers::idempotency_key(&request)?;
        let new = new_video(request.into_inner());
        let video = self.0.create(owner, new, key).await?;
        Ok(encode::with_etag(pb::CreateVideoResponse { video: Some(encode::playable(&video)) }, &video)?)
    }

    async fn get_video(&self, request: Request<pb::GetVideoRequest>) -> Result<Response<pb::GetVideoResponse>, Status> {
        let caller = Caller::of(&request);
        let message = request.get_ref();
        let visitor = headers::visitor(request.metadata(), &caller, message.session_id.as_deref());
        let video = self.0.get(VideoId(message.id), WatchRequest { caller: &caller, visitor }).await?;
        Ok(encode::with_etag(pb::GetVideoResponse { video: Some(encode::playable(&video)) }, &video)?)
    }

    async fn update_video(
        &self,
        request: Request<pb::UpdateVideoRequest>,
    ) -> Result<Response<pb::UpdateVideoResponse>, Status> {
        let caller = Caller::of(&request).require_user()?.id;
        let if_match = headers::if_match(request.metadata());
        let message = request.into_inner();
        let id = VideoId(message.id);
        let changes = edit::changes(message)?;
        let video = self.0.update(Edit { id, caller, if_match, changes }).await?;
        Ok(encode::with_etag(pb::UpdateVideoResponse { video: Some(encode::playable(&video)) }, &video)?)
    }

    async fn delete_video(
        &self,
        request: Request<pb::DeleteVideoRequest>,
    ) -> Result<Response<pb::DeleteVideoResponse>, Status> {
        let caller = Caller::of(&request).require_user()?.id;
        self.0.delete(VideoId(request.into_inner().id), caller).await?;
        Ok(Response::new(pb::DeleteVideoResponse {}))
    }

    async fn publish_video(
        &self,
        request: Request<pb::PublishVideoRequest>,
    ) -> Result<Response<pb::PublishVideoResponse>, Status> {
        let caller = Caller::of(&request).require_user()?.id;
        let message = request.into_inner();
        let video = self.0.publish(VideoId(message.id), caller, message.published.unwrap_or_default()).await?;
        Ok(encode::with_etag(pb::PublishVideoResponse { video: Some(encode::playable(&video)) }, &video)?)
    }

    async fn list_videos(
        &self,
        request: Request<pb::ListVideosRequest>,
    ) -> Result<Response<pb::ListVideosResponse>, Status> {
        let message = request.into_inner();
        let page = self.0.page(message.page, message.page_size)?;
        let filter = VideoFilter {
            channel: message.channel_id,
            category: message.category_id.map(CategoryId),
            tags: message.tag_ids,
            ..VideoFilter::default()
        };
        let found = self.0.list(filter, page).await?;
        let videos = found.videos.iter().map(encode::listed).collect();
        Ok(Response::new(pb::ListVideosResponse { videos, total: found.total as i64 }))
    }

    async fn list_subscribed_videos(
        &self,
        request: Request<pb::ListSubscribedVideosRequest>,
    ) -> Result<Response<pb::ListSubscribedVideosResponse>, Status> {
        let user = Caller::of(&request).require_user()?.id;
        let message = request.into_inner();
        let page = self.0.page(message.page, message.page_size)?;
        let found = self.0.list_subscribed(user, page).await?;
        let videos = found.videos.iter().map(encode::listed).collect();
        Ok(Response::new(pb::ListSubscribedVideosResponse { videos, total: found.total as i64 }))
    }
}

fn new_video(request: pb::CreateVideoRequest) -> NewVideo {
    NewVideo {
        title: request.title,
        description: request.description,
        category: edit::category(request.category_id),
        tags: request.tag_ids,
        tier: Tier::from_number(request.access_tier),
        upload: UploadId(request.video_upload_id),
        thumbnail: request.thumbnail_upload_id.map(UploadId),
        publish: request.publish,
    }
}
