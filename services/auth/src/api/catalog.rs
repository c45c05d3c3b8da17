//! `fenzvideo.user.v1.UserCatalogService`

use fenz_contract::user::v1::{self as pb, UserCatalogServiceHandler};
use fenz_core::{Result, UploadId, UserId};
use tonic::{Request, Response};

use crate::app::App;

pub struct UserCatalogApi(pub App);

impl UserCatalogServiceHandler for UserCatalogApi {
    async fn get_user_role(
        &self,
        request: Request<pb::GetUserRoleRequest>,
    ) -> Result<Response<pb::GetUserRoleResponse>> {
        let account = self.0.account(UserId(request.get_ref().id)).await?;
        let is_admitted = account.check_admitted(self.0.clock.now()).is_ok();
        Ok(Response::new(pb::GetUserRoleResponse { role: account.role.as_str().to_owned(), is_admitted }))
    }

    async fn get_upload_use(
        &self,
        request: Request<pb::GetUploadUseRequest>,
    ) -> Result<Response<pb::GetUploadUseResponse>> {
        let pb::GetUploadUseRequest { user_id, upload_id } = request.into_inner();
        let is_used = self.0.has_avatar(UserId(user_id), UploadId(upload_id)).await?;
        Ok(Response::new(pb::GetUploadUseResponse { is_used }))
    }
}
