//! `fenzvideo.user.v1.AccountService`

use fenz_chassis::{caller_of, require_user};
use fenz_contract::user::v1::{self as pb, AccountServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use crate::app::App;

pub struct AccountApi(pub App);

impl AccountServiceHandler for AccountApi {
    async fn hide_account(
        &self,
        request: Request<pb::HideAccountRequest>,
    ) -> Result<Response<pb::HideAccountResponse>> {
        self.0.hide_account(&require_user(&request)?).await?;
        Ok(Response::new(pb::HideAccountResponse {}))
    }

    async fn delete_account(
        &self,
        request: Request<pb::DeleteAccountRequest>,
    ) -> Result<Response<pb::DeleteAccountResponse>> {
        let (caller, client) = (caller_of(&request), super::client(&request));
        let password = &request.get_ref().password;
        let erasure_id = self.0.delete_account(caller.require_user()?, password, &client).await?;
        Ok(Response::new(pb::DeleteAccountResponse { erasure_id }))
    }
}
