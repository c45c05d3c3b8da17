//! How callers reach the use cases: gRPC for services, plain routes for bytes.

mod form;
mod grpc;
mod media;
mod upload;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use fenz_chassis::{Error, Reason, Result, identity::Gatekeeper, media_url::MediaUrls};
use fenz_contract::routes::{RAW_ROUTES, Route};
use http::Method;

use crate::app::Media;

pub use grpc::Uploads;

/// What the raw routes work with.
#[derive(Clone)]
pub struct Raw {
    pub media: Media,
    pub gatekeeper: Gatekeeper,
    pub urls: MediaUrls,
}

/// The routes of `upload.proto` that carry bytes.
pub fn routes(raw: Raw) -> Router {
    let upload = async || not_allowed("POST");
    Router::new()
        .route("/api/v1/upload/video", post(upload::video).fallback(upload))
        .route("/api/v1/upload/thumbnail", post(upload::image).fallback(upload))
        .route("/api/v1/upload/image", post(upload::image).fallback(upload))
        // Whatever a changed address looks like, it is an address that we did not sign.
        .route("/media/{*address}", get(media::play).fallback(async || not_allowed("GET, HEAD")))
        .with_state(raw)
}

fn not_allowed(allow: &'static str) -> Response {
    Error::new(Reason::MethodNotAllowed, format!("this path takes {allow}")).with("allow", allow).into_response()
}

/// The contract's declaration of a raw route.
fn declared(method: &Method, path: &'static str) -> Result<Route> {
    let route = RAW_ROUTES.iter().find(|r| r.method == method.as_str() && r.path == path);
    route.map(Route::Raw).ok_or_else(|| Error::new(Reason::RouteNotFound, "there is nothing at this path"))
}
