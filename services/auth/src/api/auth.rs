//! `fenzvideo.auth.v1.AuthService`

use std::time::Duration;

use fenz_chassis::{caller_of, require_user};
use fenz_contract::auth::v1::{self as pb, AuthServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use crate::{
    app::{App, Login, Registration},
    domain::session::Session,
};

pub struct AuthApi(pub App);

/// The contract has one reply type per method; these have the same fields.
macro_rules! opened {
    ($reply:ident, $app:expr, $opened:expr) => {{
        let opened = $opened;
        Ok(Response::new(pb::$reply {
            user: Some(super::encode($app, &opened.account)),
            access_token: opened.access_token,
            refresh_token: opened.refresh_token,
            expires_in: opened.expires_in,
            session_id: opened.session_id,
        }))
    }};
}

impl AuthServiceHandler for AuthApi {
    async fn register(&self, request: Request<pb::RegisterRequest>) -> Result<Response<pb::RegisterResponse>> {
        let client = super::client(&request);
        let message = request.into_inner();
        let registration = Registration {
            username: message.username,
            email: message.email,
            password: message.password,
            display_name: message.display_name,
            invitation_code: message.invitation_code,
            guest_session_id: message.session_id,
        };
        opened!(RegisterResponse, &self.0, self.0.register(registration, &client).await?)
    }

    async fn login(&self, request: Request<pb::LoginRequest>) -> Result<Response<pb::LoginResponse>> {
        let client = super::client(&request);
        let pb::LoginRequest { username, password, session_id } = request.into_inner();
        let login = Login { name: username, password, guest_session_id: session_id };
        opened!(LoginResponse, &self.0, self.0.login(&login, &client).await?)
    }

    async fn refresh(&self, request: Request<pb::RefreshRequest>) -> Result<Response<pb::RefreshResponse>> {
        opened!(RefreshResponse, &self.0, self.0.refresh(&request.into_inner().refresh_token).await?)
    }

    async fn logout(&self, request: Request<pb::LogoutRequest>) -> Result<Response<pb::LogoutResponse>> {
        self.0.logout(&require_user(&request)?).await?;
        Ok(Response::new(pb::LogoutResponse {}))
    }

    async fn logout_all(&self, request: Request<pb::LogoutAllRequest>) -> Result<Response<pb::LogoutAllResponse>> {
        self.0.logout_all(&require_user(&request)?).await?;
        Ok(Response::new(pb::LogoutAllResponse {}))
    }

    async fn list_sessions(
        &self,
        request: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>> {
        let caller = caller_of(&request);
        let user = caller.require_user()?;
        let sessions = self.0.list_sessions(user).await?;
        let total = sessions.len() as i64;
        let sessions = sessions.into_iter().map(|session| encode(session, &user.session)).collect();
        Ok(Response::new(pb::ListSessionsResponse { sessions, total }))
    }

    async fn end_session(&self, request: Request<pb::EndSessionRequest>) -> Result<Response<pb::EndSessionResponse>> {
        let caller = caller_of(&request);
        self.0.end_session(caller.require_user()?, &request.get_ref().id).await?;
        Ok(Response::new(pb::EndSessionResponse {}))
    }

    async fn reset_password(
        &self,
        request: Request<pb::ResetPasswordRequest>,
    ) -> Result<Response<pb::ResetPasswordResponse>> {
        let pb::ResetPasswordRequest { token, new_password } = request.into_inner();
        self.0.reset_password(&token, &new_password).await?;
        Ok(Response::new(pb::ResetPasswordResponse {}))
    }

    async fn get_jwks(&self, _: Request<pb::GetJwksRequest>) -> Result<Response<pb::GetJwksResponse>> {
        Ok(Response::new(pb::GetJwksResponse { keys: self.0.keys.jwks() }))
    }

    async fn list_ended_sessions(
        &self,
        request: Request<pb::ListEndedSessionsRequest>,
    ) -> Result<Response<pb::ListEndedSessionsResponse>> {
        let pb::ListEndedSessionsRequest { after, wait_ms } = request.into_inner();
        let wait = Duration::from_millis(wait_ms.max(0) as u64);
        let ended = self.0.ended_sessions(after, wait).await?;
        let sessions = ended.sessions.into_iter();
        let sessions = sessions.map(|(id, until)| pb::EndedSession { id, until: Some(until.into()) }).collect();
        Ok(Response::new(pb::ListEndedSessionsResponse { sessions, next: ended.next }))
    }
}

fn encode(session: Session, current: &str) -> pb::Session {
    pb::Session {
        is_current: session.id == current,
        id: session.id,
        device: session.device,
        address: session.address,
        created_at: Some(session.created_at.into()),
        last_used_at: Some(session.last_used_at.into()),
    }
}
