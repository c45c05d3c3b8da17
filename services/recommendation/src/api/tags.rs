//! `TagService`.

use fenz_chassis::caller_of;
use fenz_contract::recommendation::v1::{self as pb, TagServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use super::{Api, encode};
use crate::domain::Viewer;

impl TagServiceHandler for Api {
    async fn list_tags(&self, _: Request<pb::ListTagsRequest>) -> Result<Response<pb::ListTagsResponse>> {
        let tags = encode::tags(self.0.tags().await?);
        let total = tags.len() as i64;
        Ok(Response::new(pb::ListTagsResponse { tags, total }))
    }

    async fn get_my_tags(&self, request: Request<pb::GetMyTagsRequest>) -> Result<Response<pb::GetMyTagsResponse>> {
        let user = caller_of(&request).user().map(|user| user.id);
        let viewer = Viewer::new(user, request.into_inner().session_id);
        let tags = encode::tags(self.0.my_tags(&viewer).await?);
        Ok(Response::new(pb::GetMyTagsResponse { tags }))
    }

    async fn update_my_tags(
        &self,
        request: Request<pb::UpdateMyTagsRequest>,
    ) -> Result<Response<pb::UpdateMyTagsResponse>> {
        let user = caller_of(&request).user().map(|user| user.id);
        let message = request.into_inner();
        let viewer = Viewer::new(user, message.session_id);
        let tags = encode::tags(self.0.choose_tags(&viewer, &encode::tag_ids(message.tag_ids)).await?);
        Ok(Response::new(pb::UpdateMyTagsResponse { tags }))
    }
}
