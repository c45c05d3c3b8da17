//! `CategoryAdminService`.

use fenz_chassis::require_user;
use fenz_contract::content::v1::{self as pb, CategoryAdminServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use super::{Api, encode};
use crate::{app::CategoryEdit, domain::CategoryId};

impl CategoryAdminServiceHandler for Api {
    async fn create_category(
        &self,
        request: Request<pb::CreateCategoryRequest>,
    ) -> Result<Response<pb::CreateCategoryResponse>> {
        let actor = require_user(&request)?.id;
        let message = request.into_inner();
        let category = self.0.create_category(actor, &message.name, message.slug).await?;
        Ok(Response::new(pb::CreateCategoryResponse { category: Some(encode::category(category)) }))
    }

    async fn update_category(
        &self,
        request: Request<pb::UpdateCategoryRequest>,
    ) -> Result<Response<pb::UpdateCategoryResponse>> {
        let actor = require_user(&request)?.id;
        let message = request.into_inner();
        let edit = CategoryEdit { name: message.name, slug: message.slug };
        let category = self.0.update_category(actor, CategoryId(message.id), edit).await?;
        Ok(Response::new(pb::UpdateCategoryResponse { category: Some(encode::category(category)) }))
    }

    async fn delete_category(
        &self,
        request: Request<pb::DeleteCategoryRequest>,
    ) -> Result<Response<pb::DeleteCategoryResponse>> {
        let actor = require_user(&request)?.id;
        self.0.delete_category(actor, CategoryId(request.into_inner().id)).await?;
        Ok(Response::new(pb::DeleteCategoryResponse {}))
    }
}
