//! `fenzvideo.user.v1.UserAdminService`

use fenz_chassis::caller_of;
use fenz_contract::{
    time_field,
    user::v1::{self as pb, UserAdminServiceHandler},
};
use fenz_core::{Result, Role, UserId};
use tonic::{Request, Response};

use super::{encode_for, precondition, versioned};
use crate::{
    app::{App, Registration, UserChanges},
    domain::{account::Filter, page::Page},
};

/// How many accounts can be paged through.
const MAX_PAGE_DEPTH: u64 = 10_000;

pub struct UserAdminApi(pub App);

/// The contract has one reply type per method; these have the same fields.
macro_rules! account {
    ($reply:ident, $app:expr, $caller:expr, $account:expr) => {{
        let account = $account;
        Ok(versioned(&account, pb::$reply { user: Some(encode_for($app, &account, $caller.role)) }))
    }};
}

/// The contract has validated the name of the role.
fn role(text: Option<&str>) -> Option<Role> {
    text.and_then(Role::parse)
}

impl UserAdminServiceHandler for UserAdminApi {
    async fn list_users(&self, request: Request<pb::ListUsersRequest>) -> Result<Response<pb::ListUsersResponse>> {
        let caller = caller_of(&request);
        let caller = caller.require_user()?;
        let message = request.into_inner();
        let page = Page::of(message.page, message.page_size, MAX_PAGE_DEPTH)?;
        let filter = Filter {
            role: role(message.role.as_deref()),
            hidden: message.is_hidden,
            search: message.search.unwrap_or_default(),
        };
        let (accounts, total) = self.0.list_users(caller, &filter, page).await?;
        let users = accounts.iter().map(|account| encode_for(&self.0, account, caller.role)).collect();
        Ok(Response::new(pb::ListUsersResponse { users, total: total as i64 }))
    }

    async fn get_user(&self, request: Request<pb::GetUserRequest>) -> Result<Response<pb::GetUserResponse>> {
        let caller = caller_of(&request);
        let caller = caller.require_user()?;
        account!(GetUserResponse, &self.0, caller, self.0.user(caller, UserId(request.get_ref().id)).await?)
    }

    async fn create_user(&self, request: Request<pb::CreateUserRequest>) -> Result<Response<pb::CreateUserResponse>> {
        let caller = caller_of(&request);
        let caller = caller.require_user()?;
        let message = request.into_inner();
        let role = role(message.role.as_deref()).unwrap_or(Role::User);
        let registration = Registration {
            username: message.username,
            email: message.email,
            password: message.password,
            display_name: message.display_name,
            invitation_code: None,
            guest_session_id: None,
        };
        account!(CreateUserResponse, &self.0, caller, self.0.create_user(caller, registration, role).await?)
    }

    async fn update_user(&self, request: Request<pb::UpdateUserRequest>) -> Result<Response<pb::UpdateUserResponse>> {
        let (caller, expected) = (caller_of(&request), precondition(&request));
        let caller = caller.require_user()?;
        let pb::UpdateUserRequest { id, display_name, email, role: new_role } = request.into_inner();
        let changes = UserChanges { display_name, email, role: role(new_role.as_deref()) };
        let updated = self.0.update_user(caller, UserId(id), &expected, &changes).await?;
        account!(UpdateUserResponse, &self.0, caller, updated)
    }

    async fn hide_user(&self, request: Request<pb::HideUserRequest>) -> Result<Response<pb::HideUserResponse>> {
        let caller = caller_of(&request);
        let caller = caller.require_user()?;
        let pb::HideUserRequest { id, text } = request.get_ref();
        account!(HideUserResponse, &self.0, caller, self.0.hide_user(caller, UserId(*id), text).await?)
    }

    async fn restore_user(
        &self,
        request: Request<pb::RestoreUserRequest>,
    ) -> Result<Response<pb::RestoreUserResponse>> {
        let caller = caller_of(&request);
        let caller = caller.require_user()?;
        let restored = self.0.restore_user(caller, UserId(request.get_ref().id)).await?;
        account!(RestoreUserResponse, &self.0, caller, restored)
    }

    async fn ban_user(&self, request: Request<pb::BanUserRequest>) -> Result<Response<pb::BanUserResponse>> {
        let caller = caller_of(&request);
        let caller = caller.require_user()?;
        let pb::BanUserRequest { id, until, text } = request.into_inner();
        let until = time_field("until", until)?;
        account!(BanUserResponse, &self.0, caller, self.0.ban_user(caller, UserId(id), until, &text).await?)
    }

    async fn unban_user(&self, request: Request<pb::UnbanUserRequest>) -> Result<Response<pb::UnbanUserResponse>> {
        let caller = caller_of(&request);
        let caller = caller.require_user()?;
        let unbanned = self.0.unban_user(caller, UserId(request.get_ref().id)).await?;
        account!(UnbanUserResponse, &self.0, caller, unbanned)
    }

    async fn delete_user(&self, request: Request<pb::DeleteUserRequest>) -> Result<Response<pb::DeleteUserResponse>> {
        let caller = caller_of(&request);
        let user = UserId(request.get_ref().id);
        let erasure_id = self.0.delete_user(caller.require_user()?, user).await?;
        Ok(Response::new(pb::DeleteUserResponse { erasure_id }))
    }

    async fn end_user_sessions(
        &self,
        request: Request<pb::EndUserSessionsRequest>,
    ) -> Result<Response<pb::EndUserSessionsResponse>> {
        let caller = caller_of(&request);
        let user = UserId(request.get_ref().id);
        let ended = self.0.end_user_sessions(caller.require_user()?, user).await?;
        Ok(Response::new(pb::EndUserSessionsResponse { ended }))
    }
}
