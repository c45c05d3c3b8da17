//! Checks every call against the access that the contract declares for it.

use fenz_contract::{
    Access, Guard,
    routes::{Method, Route},
};
use fenz_core::{Caller, Error, Reason, Result, Role, User};
use http::HeaderMap;
use tonic::Status;

use super::{TrustedServices, Verifier};
use crate::status::{self, OF_SERVICE};

/// Finds out who calls, and whether they may.
#[derive(Clone)]
pub struct Authorizer {
    pub verifier: Verifier,
    pub services: TrustedServices,
}

impl Authorizer {
    /// The caller of a request with these headers, if the route's access
    /// permits the request.
    ///
    /// # Errors
    /// 401 without a valid token where one is required, or with an invalid one
    /// anywhere; 403 with a valid one that does not suffice.
    pub async fn admit(&self, route: Route, headers: &HeaderMap) -> Result<Caller> {
        if route.ignores_authorization() {
            return Ok(Caller::Anonymous);
        }
        self.check(route.access(), bearer(headers)?).await
    }

    async fn check(&self, access: Access, token: Option<&str>) -> Result<Caller> {
        let unknown = || Error::new(Reason::Unauthenticated, "sign in first: this needs an access token");
        if access == Access::Internal {
            let service = token.ok_or_else(unknown).and_then(|token| self.services.verify(token));
            return Ok(Caller::Service(service.map_err(|error| error.with(OF_SERVICE, true))?));
        }
        let Some(token) = token else {
            return if access == Access::Public { Ok(Caller::Anonymous) } else { Err(unknown()) };
        };
        let user = self.verifier.verify(token).await?;
        permit(access, &user)?;
        Ok(Caller::User(user))
    }
}

fn permit(access: Access, user: &User) -> Result<()> {
    match access {
        Access::Moderator if user.role < Role::Moderator => {
            Err(Error::new(Reason::PermissionDenied, "this is for moderators"))
        }
        Access::Admin if user.role < Role::Admin => {
            Err(Error::new(Reason::AdminRequired, "this is for administrators"))
        }
        _ => Ok(()),
    }
}

/// The token of the `Authorization` header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>> {
    let Some(header) = headers.get(http::header::AUTHORIZATION) else { return Ok(None) };
    let token = header
        .to_str()
        .ok()
        .and_then(|h| h.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    match token {
        Some(token) => Ok(Some(token)),
        None => Err(Error::new(Reason::TokenInvalid, "the Authorization header should be `Bearer <token>`")),
    }
}

impl Guard for Authorizer {
    async fn admit(&self, method: &'static Method, headers: &HeaderMap) -> Result<Caller> {
        self.admit(Route::Rpc(method), headers).await
    }

    fn status(&self, error: Error) -> Status {
        status::from_error(error)
    }
}

/// The caller of a request that was admitted.
pub fn caller_of<T>(request: &tonic::Request<T>) -> Caller {
    request.extensions().get().cloned().unwrap_or(Caller::Anonymous)
}

/// The signed-in user of a request that was admitted to an RPC for users.
///
/// # Errors
/// `UNAUTHENTICATED` where there is none, against the contract's access.
pub fn require_user<T>(request: &tonic::Request<T>) -> Result<User> {
    caller_of(request).require_user().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::{Ed25519Key, ServiceIdentity},
        settings::IdentitySettings,
    };
    use fenz_core::Clock;

    #[tokio::test]
    async fn who_is_refused_as_a_service_does_not_tell_its_users_to_sign_in() {
        let clock = Clock::default();
        let authorizer = Authorizer {
            verifier: Verifier::new(&IdentitySettings::default(), clock.clone()),
            services: TrustedServices::new("", clock.clone()).unwrap(),
        };
        let token = ServiceIdentity::new("content", &Ed25519Key::generate(), clock).token().unwrap();
        for (access, token, received) in [
            (Access::Internal, Some(token.as_str()), Reason::Unavailable),
            (Access::Internal, None, Reason::Unavailable),
            (Access::User, Some("x"), Reason::TokenInvalid),
            (Access::User, None, Reason::Unauthenticated),
        ] {
            let refusal = authorizer.check(access, token).await.unwrap_err();
            assert_eq!(status::into_error(status::from_error(refusal)).reason, received, "{access:?} {token:?}");
        }
    }
}
