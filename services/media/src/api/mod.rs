//! The gRPC service, and HTTP routes for uploads and playback.

mod form;
mod grpc;
mod media;
mod min_rate;
mod preconditions;
mod upload;

use axum::{
    Router,
    response::Response,
    routing::{get, post},
};
use fenz_chassis::{error_response, identity::Authorizer, media_url::MediaUrls};
use fenz_contract::routes::{RAW_ROUTES, Route};
use fenz_core::{Error, Reason, Result};
use http::Method;

use crate::app::Media;

pub use grpc::Uploads;

/// The state of the HTTP routes.
#[derive(Clone)]
pub struct Raw {
    pub media: Media,
    pub authorizer: Authorizer,
    pub urls: MediaUrls,
}

/// The routes of `upload.proto` that carry bytes.
pub fn routes(raw: Raw) -> Router {
    let post_only = async || not_allowed("POST");
    Router::new()
        .route("/api/v1/upload/video", post(upload::video).fallback(post_only))
        .route("/api/v1/upload/thumbnail", post(upload::image).fallback(post_only))
        .route("/api/v1/upload/image", post(upload::image).fallback(post_only))
        // A wildcard: an address that was tampered with is answered with 403, not 404.
        .route("/media/{*address}", get(media::play).fallback(async || not_allowed("GET, HEAD")))
        .with_state(raw)
}

fn not_allowed(allow: &'static str) -> Response {
    error_response(Error::new(Reason::MethodNotAllowed, format!("this path takes {allow}")).with("allow", allow))
}

/// The contract's declaration of the route.
fn declared(method: &Method, path: &'static str) -> Result<Route> {
    let route = RAW_ROUTES.iter().find(|r| r.method == method.as_str() && r.path == path);
    route.map(Route::Raw).ok_or_else(|| Error::new(Reason::RouteNotFound, "there is nothing at this path"))
}
