//! `TagAdminService`.

use fenz_chassis::require_user;
use fenz_contract::recommendation::v1::{self as pb, TagAdminServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use super::{Api, encode};
use crate::domain::TagId;

impl TagAdminServiceHandler for Api {
    async fn create_tag(&self, request: Request<pb::CreateTagRequest>) -> Result<Response<pb::CreateTagResponse>> {
        let admin = require_user(&request)?.clone();
        let message = request.into_inner();
        let tag = self.0.create_tag(&message.name, &message.slug, &admin).await?;
        Ok(Response::new(pb::CreateTagResponse { tag: Some(encode::tag(tag)) }))
    }

    async fn update_tag(&self, request: Request<pb::UpdateTagRequest>) -> Result<Response<pb::UpdateTagResponse>> {
        let admin = require_user(&request)?.clone();
        let pb::UpdateTagRequest { id, name, slug } = request.into_inner();
        let tag = self.0.update_tag(TagId(id), name.as_deref(), slug.as_deref(), &admin).await?;
        Ok(Response::new(pb::UpdateTagResponse { tag: Some(encode::tag(tag)) }))
    }

    async fn delete_tag(&self, request: Request<pb::DeleteTagRequest>) -> Result<Response<pb::DeleteTagResponse>> {
        let admin = require_user(&request)?.clone();
        self.0.delete_tag(TagId(request.into_inner().id), &admin).await?;
        Ok(Response::new(pb::DeleteTagResponse {}))
    }
}
