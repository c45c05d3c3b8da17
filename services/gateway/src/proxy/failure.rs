//! Why a request could not be proxied, and the error that the client gets.

use std::time::Duration;

use axum::{
    BoxError,
    response::{IntoResponse, Response},
};
use fenz_chassis::error_response;
use fenz_core::{Error, Reason};
use http::StatusCode;

use super::client::SendError;

/// A failure between the gateway and a service.
#[derive(Debug)]
pub enum Failure {
    /// `FENZ_PEERS__<NAME>` is not set.
    NotConfigured { upstream: &'static str },
    /// The circuit breaker is open; `wait` is the time until the next probe.
    CircuitOpen { wait: Duration },
    /// The connection could not be established, or the service of this process does
    /// not run.
    Unreachable(BoxError),
    /// The connection was lost, or the response is not valid HTTP.
    BadResponse(BoxError),
    /// The upstream switched protocols without a request to do so.
    UnexpectedUpgrade,
    /// The limit of open tunnels is reached.
    TooManyTunnels,
    /// The response did not arrive in time.
    Timeout,
    /// The client did not send its request in time.
    ClientTimeout,
    /// The client disconnected or stalled before the end of its request body.
    ClientIncomplete,
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Connection(error) if !error.is_connect() => Self::BadResponse(error.into()),
            SendError::Connection(error) => Self::Unreachable(error.into()),
            SendError::Local(error) => Self::Unreachable(error),
        }
    }
}

impl Failure {
    /// Whether the circuit breaker counts it.
    pub fn is_upstream_fault(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Timeout)
    }

    pub fn is_client_fault(&self) -> bool {
        matches!(self, Self::ClientTimeout | Self::ClientIncomplete)
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::NotConfigured { .. } => "not_configured",
            Self::CircuitOpen { .. } => "circuit_open",
            Self::Unreachable(_) => "unreachable",
            Self::BadResponse(_) => "bad_response",
            Self::UnexpectedUpgrade => "unexpected_upgrade",
            Self::TooManyTunnels => "too_many_tunnels",
            Self::Timeout => "timeout",
            Self::ClientTimeout => "client_timeout",
            Self::ClientIncomplete => "client_incomplete",
        }
    }

    /// Counts and logs it.
    pub fn record(self, upstream: &'static str) -> Self {
        metrics::counter!("fenz_gateway_upstream_failures_total", "upstream" => upstream, "kind" => self.kind())
            .increment(1);
        tracing::debug!(upstream, failure = ?self, "request could not be proxied");
        self
    }

    pub fn into_error(self) -> Error {
        let unavailable = "the service does not answer; try again";
        match self {
            Self::NotConfigured { upstream } => {
                tracing::warn!(upstream, "peer not configured: FENZ_PEERS__<NAME>");
                Error::new(Reason::Unavailable, "this part of the platform is not running here")
            }
            Self::CircuitOpen { wait } => Error::new(Reason::Unavailable, unavailable).retry_after(wait),
            Self::Unreachable(error) | Self::BadResponse(error) => {
                Error::unavailable("the service", anyhow::Error::from_boxed(error))
            }
            Self::UnexpectedUpgrade => Error::new(Reason::Unavailable, unavailable),
            Self::TooManyTunnels => Error::new(Reason::Unavailable, "too many connections are open; try again"),
            Self::Timeout => Error::new(Reason::DeadlineExceeded, "the service took too long"),
            Self::ClientTimeout => Error::new(Reason::DeadlineExceeded, "the request took too long to arrive"),
            Self::ClientIncomplete => Error::new(Reason::UploadIncomplete, "the body ended before it was complete"),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let is_bad_gateway = matches!(self, Self::BadResponse(_) | Self::UnexpectedUpgrade);
        let mut response = error_response(self.into_error());
        if is_bad_gateway {
            *response.status_mut() = StatusCode::BAD_GATEWAY;
        }
        response
    }
}
