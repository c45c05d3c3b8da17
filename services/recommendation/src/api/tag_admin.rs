//! `TagAdminService`.

use fenz_chassis::{Caller, Result};
use fenz_contract::recommendation::v1::{self as pb, tag_admin_service_server::TagAdminService};
use tonic::{Request, Response, Status};

use super::{Api, encode};
use crate::domain::TagId;

#[async_trait::async_trait]
impl TagAdminService for Api {
    async fn create_tag(
        &self,
        request: Request<pb::CreateTagRequest>,
    ) -> Result<Response<pb::CreateTagResponse>, Status> {
        let admin = Caller::of(&request).require_user()?.clone();
        let message = request.into_inner();
        let tag = self.0.create_tag(&message.name, &message.slug, &admin).await?;
        Ok(Response::new(pb::CreateTagResponse { tag: Some(encode::tag(tag)) }))
    }

    async fn update_tag(
        &self,
        request: Request<pb::UpdateTagRequest>,
    ) -> Result<Response<pb::UpdateTagResponse>, Status> {
        let admin = Caller::of(&request).require_user()?.clone();
        let pb::UpdateTagRequest { id, name, slug } = request.into_inner();
        let tag = self.0.update_tag(TagId(id), name.as_deref(), slug.as_deref(), &admin).await?;
        Ok(Response::new(pb::UpdateTagResponse { tag: Some(encode::tag(tag)) }))
    }

    async fn delete_tag(
        &self,
        request: Request<pb::DeleteTagRequest>,
    ) -> Result<Response<pb::DeleteTagResponse>, Status> {
        let admin = Caller::of(&request).require_user()?.clone();
        self.0.delete_tag(TagId(request.into_inner().id), &admin).await?;
        Ok(Response::new(pb::DeleteTagResponse {}))
    }
}
