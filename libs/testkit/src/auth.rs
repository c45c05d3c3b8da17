//! A stand-in for the auth service where a test is about another one: it
//! publishes keys and ended sessions over the contract, and signs tokens.

use std::time::Duration;

use fenz_chassis::identity::{Authorizer, Claims, Ed25519Key};
use fenz_contract::auth::v1::{self as pb, AuthServiceHandler};
use fenz_core::{Clock, Error, Random, Reason, Result, Role, UserId};
use jsonwebtoken::{Algorithm, Header};
use tokio::sync::watch;
use tonic::{Request, Response};

/// The key set and the ended sessions of a test.
#[derive(Clone)]
pub struct StandInAuth {
    key: Ed25519Key,
    clock: Clock,
    ended: watch::Sender<Vec<pb::EndedSession>>,
}

const KEY_ID: &str = "test";

impl StandInAuth {
    pub fn new(clock: Clock) -> Self {
        Self { key: Ed25519Key::generate(&Random::default()), clock, ended: watch::Sender::default() }
    }

    /// An access token of a user, fifteen minutes long, whose session is
    /// `s<id>`.
    pub fn token(&self, user: UserId, role: Role) -> String {
        self.token_for(user, role, &format!("s{user}"), Duration::from_secs(900))
    }

    /// An access token of a session.
    ///
    /// # Panics
    /// When it cannot be signed.
    pub fn token_for(&self, user: UserId, role: Role, session: &str, lifetime: Duration) -> String {
        let now = self.clock.unix();
        let claims = Claims {
            sub: user.to_string(),
            role,
            sid: session.to_owned(),
            iat: now,
            exp: now + lifetime.as_secs() as i64,
            iss: "fenzvideo".to_owned(),
            aud: "fenzvideo".to_owned(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(KEY_ID.to_owned());
        jsonwebtoken::encode(&header, &claims, &self.key.encoding_key()).expect("an Ed25519 key signs")
    }

    /// Ends a session, as a logout would.
    pub fn end_session(&self, id: &str) {
        let until = self.clock.after(Duration::from_secs(900));
        let end = pb::EndedSession { id: id.to_owned(), until: Some(until.into()) };
        self.ended.send_modify(|ended| ended.push(end));
    }

    /// Its gRPC service, which knows its own key.
    pub fn endpoint(&self, authorizer: Authorizer) -> fenz_contract::Endpoint {
        authorizer.verifier.set_keys(&[self.key.jwk(KEY_ID)]);
        pb::auth_service(self.clone(), authorizer)
    }
}

fn not_here<T>() -> Result<T> {
    Err(Error::new(Reason::MethodNotAllowed, "a test that needs this starts the auth service"))
}

impl AuthServiceHandler for StandInAuth {
    async fn get_jwks(&self, _: Request<pb::GetJwksRequest>) -> Result<Response<pb::GetJwksResponse>> {
        Ok(Response::new(pb::GetJwksResponse { keys: vec![self.key.jwk(KEY_ID)] }))
    }

    async fn list_ended_sessions(
        &self,
        request: Request<pb::ListEndedSessionsRequest>,
    ) -> Result<Response<pb::ListEndedSessionsResponse>> {
        let pb::ListEndedSessionsRequest { after, wait_ms } = request.into_inner();
        let (after, wait) = (after as usize, Duration::from_millis(wait_ms as u64));
        let mut ends = self.ended.subscribe();
        tokio::time::timeout(wait, ends.wait_for(|ended| ended.len() > after)).await.ok();
        let ended = self.ended.borrow();
        let sessions = ended.iter().skip(after).cloned().collect();
        Ok(Response::new(pb::ListEndedSessionsResponse { sessions, next: ended.len() as i64 }))
    }

    async fn register(&self, _: Request<pb::RegisterRequest>) -> Result<Response<pb::RegisterResponse>> {
        not_here()
    }

    async fn login(&self, _: Request<pb::LoginRequest>) -> Result<Response<pb::LoginResponse>> {
        not_here()
    }

    async fn refresh(&self, _: Request<pb::RefreshRequest>) -> Result<Response<pb::RefreshResponse>> {
        not_here()
    }

    async fn logout(&self, _: Request<pb::LogoutRequest>) -> Result<Response<pb::LogoutResponse>> {
        not_here()
    }

    async fn logout_all(&self, _: Request<pb::LogoutAllRequest>) -> Result<Response<pb::LogoutAllResponse>> {
        not_here()
    }

    async fn list_sessions(&self, _: Request<pb::ListSessionsRequest>) -> Result<Response<pb::ListSessionsResponse>> {
        not_here()
    }

    async fn end_session(&self, _: Request<pb::EndSessionRequest>) -> Result<Response<pb::EndSessionResponse>> {
        not_here()
    }

    async fn reset_password(
        &self,
        _: Request<pb::ResetPasswordRequest>,
    ) -> Result<Response<pb::ResetPasswordResponse>> {
        not_here()
    }
}
