//! Decodes a request, calls one use case, encodes the reply: a file for each gRPC
//! service, and one for the streaming route.

mod audit;
mod encode;
mod erasures;
mod export;
mod jobs;
mod reports;

use axum::{Router, routing::get};
use fenz_chassis::{error_response, identity::Authorizer};
use fenz_core::{Error, Reason};

use crate::app::App;

/// Implements the gRPC services.
#[derive(Clone)]
pub struct Api(pub App);

/// The streaming route of `audit.proto`.
pub fn routes(app: App, authorizer: Authorizer) -> Router {
    let not_allowed =
        async || error_response(Error::new(Reason::MethodNotAllowed, "this path takes GET").with("allow", "GET"));
    Router::new()
        .route(export::PATH, get(export::export).fallback(not_allowed))
        .with_state(export::Export { app, authorizer })
}
