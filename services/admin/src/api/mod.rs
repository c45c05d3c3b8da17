//! Decodes a request, calls one use case, encodes the reply: a file for each gRPC
//! service, and one for the streaming route.

mod audit;
mod encode;
mod erasures;
mod export;
mod reports;

use axum::{Router, response::IntoResponse, routing::get};
use fenz_chassis::{Error, Reason, identity::Gatekeeper};

use crate::app::App;

/// Implements the gRPC services.
#[derive(Clone)]
pub struct Api(pub App);

/// The streaming route of `audit.proto`.
pub fn routes(app: App, gatekeeper: Gatekeeper) -> Router {
    let not_allowed =
        async || Error::new(Reason::MethodNotAllowed, "this path takes GET").with("allow", "GET").into_response();
    Router::new()
        .route(export::PATH, get(export::export).fallback(not_allowed))
        .with_state(export::Export { app, gatekeeper })
}
