//! Decodes a request, calls one use case, encodes the reply: a file for each
//! gRPC service, and one for the route that is a stream.

mod audit;
mod encode;
mod erasures;
mod export;
mod reports;

use axum::{Router, response::IntoResponse, routing::get};
use fenz_chassis::{Error, Reason, identity::Gatekeeper};

use crate::app::App;

/// The service's side of the contract.
#[derive(Clone)]
pub struct Api(pub App);

/// The route of `audit.proto` that is a stream.
pub fn routes(app: App, gatekeeper: Gatekeeper) -> Router {
    let not_allowed =
        async || Error::new(Reason::MethodNotAllowed, "this path takes GET").with("allow", "GET").into_response();
    Router::new()
        .route(export::PATH, get(export::export).fallback(not_allowed))
        .with_state(export::Export { app, gatekeeper })
}
