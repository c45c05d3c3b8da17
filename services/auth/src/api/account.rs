//! `fenzvideo.user.v1.AccountService`

use fenz_chassis::Caller;
use fenz_contract::user::v1::{self as pb, account_service_server::AccountService};
use tonic::{Request, Response, Status};

use crate::app::App;

pub struct AccountApi(pub App);

#[async_trait::async_trait]
impl AccountService for AccountApi {
    async fn hide_account(
        &self,
        request: Request<pb::HideAccountRequest>,
    ) -> Result<Response<pb::HideAccountResponse>, Status> {
        self.0.hide_account(Caller::of(&request).require_user()?).await?;
        Ok(Response::new(pb::HideAccountResponse {}))
    }

    async fn delete_account(
        &self,
        request: Request<pb::DeleteAccountRequest>,
    ) -> Result<Response<pb::DeleteAccountResponse>, Status> {
        let (caller, client) = (Caller::of(&request), super::client(&request));
        let password = &request.get_ref().password;
        let erasure_id = self.0.delete_account(caller.require_user()?, password, &client).await?;
        Ok(Response::new(pb::DeleteAccountResponse { erasure_id }))
    }
}
