//! Decodes a request, calls one use case, encodes the reply; and the event stream.

pub mod encode;
mod notifications;
mod stream;

use axum::{Router, routing::get};
use chrono::DateTime;
use fenz_chassis::{error_response, identity::Authorizer};
use fenz_core::{Error, Reason, User};

use crate::app::{App, StreamAccess};

/// Implements the contract.
#[derive(Clone)]
pub struct Api(pub App);

/// How long a user's access token permits a stream.
fn stream_access(user: &User) -> StreamAccess {
    StreamAccess { user: user.id, expires_at: DateTime::from_timestamp(user.token_expires, 0) }
}

/// The raw route of `notification.proto`.
pub fn routes(app: App, authorizer: Authorizer) -> Router {
    let not_allowed =
        async || error_response(Error::new(Reason::MethodNotAllowed, "this path takes GET").with("allow", "GET"));
    Router::new()
        .route(stream::PATH, get(stream::open).fallback(not_allowed))
        .with_state(stream::StreamRoute { app, authorizer })
}
