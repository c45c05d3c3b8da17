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
    /// anywhere; 403 with a valid one that does not suffice, or of a service that
    /// the contract does not name as a caller.
    pub async fn admit(&self, route: Route, headers: &HeaderMap) -> Result<Caller> {
        if route.ignores_authorization() {
            return Ok(Caller::Anonymous);
        }
        let token = bearer(headers)?;
        match route.access() {
            Access::Internal => self.service(route.callers(), token).map_err(|error| error.with(OF_SERVICE, true)),
            access => self.user(access, token).await,
        }
    }

    fn service(&self, callers: &[&str], token: Option<&str>) -> Result<Caller> {
        let token = token.ok_or_else(|| Error::new(Reason::Unauthenticated, "this needs a service token"))?;
        let service = self.services.verify(token)?;
        if !callers.contains(&service.as_str()) {
            let message = format!("this is for {}, not for {service}", callers.join(", "));
            return Err(Error::new(Reason::PermissionDenied, message));
        }
        Ok(Caller::Service(service))
    }

    async fn user(&self, access: Access, token: Option<&str>) -> Result<Caller> {
        let unknown = || Error::new(Reason::Unauthenticated, "sign in first: this needs an access token");
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
    use fenz_core::{Clock, Random};

    #[tokio::test]
    async fn who_is_refused_as_a_service_does_not_tell_its_users_to_sign_in() {
        let clock = Clock::default();
        let authorizer = Authorizer {
            verifier: Verifier::new(&IdentitySettings::default(), clock.clone()),
            services: TrustedServices::new("", clock.clone()).unwrap(),
        };
        let refused = |refusal: Error| status::into_error(status::from_error(refusal.with(OF_SERVICE, true))).reason;
        let token = ServiceIdentity::new("content", &Ed25519Key::generate(&Random::default()), clock).token().unwrap();
        for token in [Some(token.as_str()), None] {
            let refusal = authorizer.service(&["content"], token).unwrap_err();
            assert_eq!(refused(refusal), Reason::Unavailable, "{token:?}");
        }
        for (token, reason) in [(Some("x"), Reason::TokenInvalid), (None, Reason::Unauthenticated)] {
            assert_eq!(authorizer.user(Access::User, token).await.unwrap_err().reason, reason, "{token:?}");
        }
    }

    #[test]
    fn only_the_callers_of_the_contract_may_call() {
        let (clock, key) = (Clock::default(), Ed25519Key::generate(&Random::default()));
        let authorizer = Authorizer {
            verifier: Verifier::new(&IdentitySettings::default(), clock.clone()),
            services: TrustedServices::new(&format!("content={}", key.public_base64()), clock.clone()).unwrap(),
        };
        let token = ServiceIdentity::new("content", &key, clock).token().unwrap();
        let admitted = authorizer.service(&["auth", "content"], Some(&token)).unwrap();
        assert_eq!(admitted, Caller::Service("content".to_owned()));
        let refusal = authorizer.service(&["auth"], Some(&token)).unwrap_err();
        assert_eq!(refusal.reason, Reason::PermissionDenied);
    }
}
