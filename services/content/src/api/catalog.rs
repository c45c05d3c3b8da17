//! `VideoCatalogService`.

use fenz_contract::content::v1::{self as pb, VideoCatalogServiceHandler};
use fenz_core::{Result, UploadId, UserId};
use tonic::{Request, Response};

use super::Api;
use crate::domain::VideoId;

const DEFAULT_PAGE: i32 = 500;
const DEFAULT_WATCHED: i32 = 1000;

impl VideoCatalogServiceHandler for Api {
    async fn list_catalog(
        &self,
        request: Request<pb::ListCatalogRequest>,
    ) -> Result<Response<pb::ListCatalogResponse>> {
        let message = request.into_inner();
        let limit = message.limit.unwrap_or(DEFAULT_PAGE).max(1) as u64;
        let videos = self.0.catalog(VideoId(message.after_id), limit).await?;
        Ok(Response::new(pb::ListCatalogResponse { videos }))
    }

    async fn get_catalog_video(
        &self,
        request: Request<pb::GetCatalogVideoRequest>,
    ) -> Result<Response<pb::GetCatalogVideoResponse>> {
        let video = self.0.catalog_video(VideoId(request.into_inner().id)).await?;
        Ok(Response::new(pb::GetCatalogVideoResponse { video: Some(video) }))
    }

    async fn list_watched(
        &self,
        request: Request<pb::ListWatchedRequest>,
    ) -> Result<Response<pb::ListWatchedResponse>> {
        let message = request.into_inner();
        let limit = message.limit.unwrap_or(DEFAULT_WATCHED).max(1) as u64;
        let watched = self.0.watched(UserId(message.user_id), limit).await?;
        let video_ids = watched.into_iter().map(|id| id.0).collect();
        Ok(Response::new(pb::ListWatchedResponse { video_ids }))
    }

    async fn get_upload_use(
        &self,
        request: Request<pb::GetUploadUseRequest>,
    ) -> Result<Response<pb::GetUploadUseResponse>> {
        let message = request.into_inner();
        let is_used = self.0.is_upload_used(VideoId(message.video_id), UploadId(message.upload_id)).await?;
        Ok(Response::new(pb::GetUploadUseResponse { is_used }))
    }
}
