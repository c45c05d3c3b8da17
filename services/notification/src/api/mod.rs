//! Decodes a request, calls one use case, encodes the reply; and the event stream.

pub mod encode;
mod notifications;
mod stream;

use axum::{Router, response::IntoResponse, routing::get};
use chrono::{DateTime, Utc};
use fenz_chassis::{
    Error, Reason,
    identity::{Gatekeeper, TokenEnd},
};

use crate::app::App;

/// Implements the contract.
#[derive(Clone)]
pub struct Api(pub App);

/// When an access token expires.
fn token_expiry(end: TokenEnd) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(end.0, 0)
}

/// The raw route of `notification.proto`.
pub fn routes(app: App, gatekeeper: Gatekeeper) -> Router {
    let not_allowed =
        async || Error::new(Reason::MethodNotAllowed, "this path takes GET").with("allow", "GET").into_response();
    Router::new()
        .route(stream::PATH, get(stream::open).fallback(not_allowed))
        .with_state(stream::StreamRoute { app, gatekeeper })
}
