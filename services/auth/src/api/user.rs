//! `fenzvideo.user.v1.UserService`

use fenz_chassis::{caller_of, require_user};
use fenz_contract::user::v1::{self as pb, UserServiceHandler};
use fenz_core::{Result, UploadId, UserId};
use tonic::{Request, Response};

use super::{encode, precondition, versioned};
use crate::app::App;

pub struct UserApi(pub App);

impl UserServiceHandler for UserApi {
    async fn get_me(&self, request: Request<pb::GetMeRequest>) -> Result<Response<pb::GetMeResponse>> {
        let account = self.0.me(&require_user(&request)?).await?;
        Ok(versioned(&account, pb::GetMeResponse { user: Some(encode(&self.0, &account)) }))
    }

    async fn update_display_name(
        &self,
        request: Request<pb::UpdateDisplayNameRequest>,
    ) -> Result<Response<pb::UpdateDisplayNameResponse>> {
        let (caller, expected) = (caller_of(&request), precondition(&request));
        let name = &request.get_ref().display_name;
        let account = self.0.update_display_name(caller.require_user()?, &expected, name).await?;
        Ok(versioned(&account, pb::UpdateDisplayNameResponse { user: Some(encode(&self.0, &account)) }))
    }

    async fn update_password(
        &self,
        request: Request<pb::UpdatePasswordRequest>,
    ) -> Result<Response<pb::UpdatePasswordResponse>> {
        let (caller, expected, client) = (caller_of(&request), precondition(&request), super::client(&request));
        let pb::UpdatePasswordRequest { current_password, new_password } = request.get_ref();
        let account =
            self.0.update_password(caller.require_user()?, &expected, current_password, new_password, &client).await?;
        Ok(versioned(&account, pb::UpdatePasswordResponse { user: Some(encode(&self.0, &account)) }))
    }

    async fn update_avatar(
        &self,
        request: Request<pb::UpdateAvatarRequest>,
    ) -> Result<Response<pb::UpdateAvatarResponse>> {
        let (caller, expected) = (caller_of(&request), precondition(&request));
        let upload = UploadId(request.get_ref().upload_id);
        let account = self.0.update_avatar(caller.require_user()?, &expected, upload).await?;
        Ok(versioned(&account, pb::UpdateAvatarResponse { user: Some(encode(&self.0, &account)) }))
    }

    async fn update_email(
        &self,
        request: Request<pb::UpdateEmailRequest>,
    ) -> Result<Response<pb::UpdateEmailResponse>> {
        let (caller, expected, client) = (caller_of(&request), precondition(&request), super::client(&request));
        let pb::UpdateEmailRequest { email, password } = request.get_ref();
        let (account, token, expires_in) =
            self.0.update_email(caller.require_user()?, &expected, email, password, &client).await?;
        let user = Some(encode(&self.0, &account));
        Ok(versioned(&account, pb::UpdateEmailResponse { user, token, expires_in }))
    }

    async fn confirm_email(
        &self,
        request: Request<pb::ConfirmEmailRequest>,
    ) -> Result<Response<pb::ConfirmEmailResponse>> {
        let caller = caller_of(&request);
        let account = self.0.confirm_email(caller.require_user()?, &request.get_ref().token).await?;
        Ok(versioned(&account, pb::ConfirmEmailResponse { user: Some(encode(&self.0, &account)) }))
    }

    async fn create_password_reset(
        &self,
        request: Request<pb::CreatePasswordResetRequest>,
    ) -> Result<Response<pb::CreatePasswordResetResponse>> {
        let caller = caller_of(&request);
        let user = UserId(request.get_ref().id);
        let (token, expires_in) = self.0.create_password_reset(caller.require_user()?, user).await?;
        Ok(Response::new(pb::CreatePasswordResetResponse { token, expires_in }))
    }
}
