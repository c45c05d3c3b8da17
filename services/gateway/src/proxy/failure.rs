//! Why an upstream gave no answer, and what the client is told.

use std::{error::Error as _, time::Duration};

use axum::response::{IntoResponse, Response};
use fenz_chassis::{Error, Reason};
use http::{Method, StatusCode};
use hyper_util::client::legacy;

/// What can go wrong between here and a service.
#[derive(Debug)]
pub enum Failure {
    /// No address is set for it.
    Unset { upstream: &'static str },
    /// Its breaker is open.
    Resting { upstream: &'static str, wait: Duration },
    /// No connection.
    Unreachable(legacy::Error),
    /// A connection, and then no proper answer.
    Broken(legacy::Error),
    /// It switched to a protocol that it was not asked for.
    Unasked,
    /// As many tunnels are open as there may be.
    Full,
    /// No answer in time.
    Slow,
    /// The client took too long to send its request.
    ClientSlow,
    /// The client broke off.
    ClientGone,
}

impl From<legacy::Error> for Failure {
    fn from(error: legacy::Error) -> Self {
        if error.is_connect() { Self::Unreachable(error) } else { Self::Broken(error) }
    }
}

impl Failure {
    /// What the breaker counts.
    pub fn is_of_upstream(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Slow)
    }

    pub fn is_of_client(&self) -> bool {
        matches!(self, Self::ClientSlow | Self::ClientGone)
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Unset { .. } => "unset",
            Self::Resting { .. } => "resting",
            Self::Unreachable(_) => "unreachable",
            Self::Broken(_) => "broken",
            Self::Unasked => "unasked",
            Self::Full => "full",
            Self::Slow => "slow",
            Self::ClientSlow => "client_slow",
            Self::ClientGone => "client_gone",
        }
    }

    /// Counts it against an upstream.
    pub fn of(self, upstream: &'static str) -> Self {
        metrics::counter!("fenz_gateway_upstream_failures_total", "upstream" => upstream, "kind" => self.kind())
            .increment(1);
        tracing::debug!(upstream, failure = ?self, "no answer from the upstream");
        self
    }

    /// As the client is told.
    pub fn into_error(self) -> Error {
        let unavailable = "the service does not answer; try again";
        match self {
            Self::Unset { upstream } => {
                tracing::warn!(upstream, "no address is set for this service: FENZ_PEERS__<NAME>");
                Error::new(Reason::Unavailable, "this part of the platform is not running here")
            }
            Self::Resting { upstream, wait } => {
                tracing::debug!(upstream, "the breaker is open");
                Error::new(Reason::Unavailable, unavailable).retry_after(wait)
            }
            Self::Unreachable(error) | Self::Broken(error) => Error::unavailable("the service", error),
            Self::Unasked => Error::new(Reason::Unavailable, unavailable),
            Self::Full => Error::new(Reason::Unavailable, "too many connections are open; try again"),
            Self::Slow => Error::new(Reason::DeadlineExceeded, "the service took too long"),
            Self::ClientSlow => Error::new(Reason::DeadlineExceeded, "the request took too long to arrive"),
            Self::ClientGone => Error::new(Reason::UploadIncomplete, "the body ended before it was complete"),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let is_broken = matches!(self, Self::Broken(_) | Self::Unasked);
        let mut response = self.into_error().into_response();
        if is_broken {
            *response.status_mut() = StatusCode::BAD_GATEWAY;
        }
        response
    }
}

/// Whether a request without a body may be sent once more: nothing of it got
/// through, or nothing it could do twice.
pub fn may_repeat(error: &legacy::Error, method: &Method) -> bool {
    let closed = || {
        let cause = error.source().and_then(|e| e.downcast_ref::<hyper::Error>());
        cause.is_some_and(|e| e.is_incomplete_message() || e.is_canceled() || e.is_closed())
    };
    error.is_connect() || (method.is_safe() && closed())
}
