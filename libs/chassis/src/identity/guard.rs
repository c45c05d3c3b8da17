//! Holds every call against the access that the contract declares for it.

use fenz_contract::{
    Access, Guard,
    routes::{Method, Route},
};
use http::HeaderMap;
use tonic::{Request, Status};

use super::{Caller, Role, TokenEnd, TrustedServices, User, Verifier};
use crate::{Error, Reason, Result, error::OF_SERVICE};

/// Knows who calls and whether they may.
#[derive(Clone)]
pub struct Gatekeeper {
    pub verifier: Verifier,
    pub services: TrustedServices,
}

impl Gatekeeper {
    /// The caller of a request with these headers, if it may take the route.
    ///
    /// # Errors
    /// 401 without a good token where one is needed, or with a bad one anywhere;
    /// 403 with a good one that does not suffice.
    pub async fn admit(&self, route: Route, headers: &HeaderMap) -> Result<Caller> {
        Ok(self.admit_until(route, headers).await?.0)
    }

    /// The same, with the end of the user's token.
    ///
    /// # Errors
    /// As [`Gatekeeper::admit`].
    pub async fn admit_until(&self, route: Route, headers: &HeaderMap) -> Result<(Caller, Option<TokenEnd>)> {
        if route.ignores_authorization() {
            return Ok((Caller::Anonymous, None));
        }
        self.check(route.access(), bearer(headers.get(http::header::AUTHORIZATION))?).await
    }

    async fn check(&self, access: Access, token: Option<&str>) -> Result<(Caller, Option<TokenEnd>)> {
        let unknown = || Error::new(Reason::Unauthenticated, "sign in first: this needs an access token");
        if access == Access::Internal {
            let service = token.ok_or_else(unknown).and_then(|token| self.services.verify(token));
            return Ok((Caller::Service(service.map_err(|error| error.with(OF_SERVICE, true))?), None));
        }
        let Some(token) = token else {
            return if access == Access::Public { Ok((Caller::Anonymous, None)) } else { Err(unknown()) };
        };
        let (user, end) = self.verifier.verify_until(token).await?;
        permit(access, &user)?;
        Ok((Caller::User(user), Some(TokenEnd(end))))
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

/// The token of an `Authorization` header.
fn bearer(header: Option<&http::HeaderValue>) -> Result<Option<&str>> {
    let Some(header) = header else { return Ok(None) };
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

impl Guard for Gatekeeper {
    async fn authorize<T: Send>(&self, method: &'static Method, request: &mut Request<T>) -> Result<(), Status> {
        if method.ignores_authorization {
            return Ok(());
        }
        // Metadata has no way to borrow the header value it wraps.
        let header = request.metadata().get("authorization").and_then(|v| v.to_str().ok());
        let header = header.map(http::HeaderValue::from_str).transpose().ok().flatten();
        let (caller, end) = self.check(method.access, bearer(header.as_ref())?).await?;
        request.extensions_mut().insert(caller);
        if let Some(end) = end {
            request.extensions_mut().insert(end);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Clock,
        identity::{Ed25519Key, ServiceIdentity},
        settings::IdentitySettings,
    };

    #[tokio::test]
    async fn who_is_refused_as_a_service_does_not_tell_its_users_to_sign_in() {
        let clock = Clock::default();
        let gatekeeper = Gatekeeper {
            verifier: Verifier::new(&IdentitySettings::default(), clock.clone(), None),
            services: TrustedServices::new("", clock.clone()).unwrap(),
        };
        let token = ServiceIdentity::new("content", &Ed25519Key::generate(), clock).token().unwrap();
        for (access, token, heard) in [
            (Access::Internal, Some(token.as_str()), Reason::Unavailable),
            (Access::Internal, None, Reason::Unavailable),
            (Access::User, Some("x"), Reason::TokenInvalid),
            (Access::User, None, Reason::Unauthenticated),
        ] {
            let refusal = gatekeeper.check(access, token).await.unwrap_err();
            assert_eq!(Error::from(Status::from(refusal)).reason, heard, "{access:?} {token:?}");
        }
    }
}
