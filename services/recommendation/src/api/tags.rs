//! `TagService`.

use fenz_chassis::{Caller, Result};
use fenz_contract::recommendation::v1::{self as pb, tag_service_server::TagService};
use tonic::{Request, Response, Status};

use super::{Api, encode};
use crate::domain::Viewer;

#[async_trait::async_trait]
impl TagService for Api {
    async fn list_tags(&self, _: Request<pb::ListTagsRequest>) -> Result<Response<pb::ListTagsResponse>, Status> {
        let tags = encode::tags(self.0.tags().await?);
        let total = tags.len() as i64;
        Ok(Response::new(pb::ListTagsResponse { tags, total }))
    }

    async fn get_my_tags(
        &self,
        request: Request<pb::GetMyTagsRequest>,
    ) -> Result<Response<pb::GetMyTagsResponse>, Status> {
        let user = Caller::of(&request).user().map(|user| user.id.0);
        let viewer = Viewer::new(user, request.into_inner().session_id);
        let tags = encode::tags(self.0.my_tags(&viewer).await?);
        Ok(Response::new(pb::GetMyTagsResponse { tags }))
    }

    async fn update_my_tags(
        &self,
        request: Request<pb::UpdateMyTagsRequest>,
    ) -> Result<Response<pb::UpdateMyTagsResponse>, Status> {
        let user = Caller::of(&request).user().map(|user| user.id.0);
        let message = request.into_inner();
        let viewer = Viewer::new(user, message.session_id);
        let tags = encode::tags(self.0.choose_tags(&viewer, &message.tag_ids).await?);
        Ok(Response::new(pb::UpdateMyTagsResponse { tags }))
    }
}
