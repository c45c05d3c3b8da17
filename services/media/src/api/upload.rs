//! `POST /api/v1/upload/…`: streams one file of a multipart form.

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use fenz_chassis::{error_response, request, server::RouteName};
use fenz_contract::media::v1::UploadResponse;
use fenz_core::{Error, Reason, Result};
use http::{Method, header};
use tracing::Instrument;

use super::{Raw, declared, form, grpc, min_rate::MinRate};
use crate::{
    app::{UploadRequest, too_large},
    domain::upload::{Kind, Upload},
};

/// The form's overhead: boundaries and part headers.
const FORM_OVERHEAD: u64 = 64 << 10;

pub async fn video(State(raw): State<Raw>, request: Request) -> Response {
    respond(raw, request, "/api/v1/upload/video", Kind::Video).await
}

/// Thumbnails, avatars, banners.
pub async fn image(State(raw): State<Raw>, request: Request) -> Response {
    let path = match request.uri().path() {
        "/api/v1/upload/thumbnail" => "/api/v1/upload/thumbnail",
        _ => "/api/v1/upload/image",
    };
    respond(raw, request, path, Kind::Image).await
}

async fn respond(raw: Raw, request: Request, path: &'static str, kind: Kind) -> Response {
    let mut response = match receive(raw, request, path, kind).await {
        Ok(upload) => Json(UploadResponse { upload: Some(grpc::message(upload)) }).into_response(),
        Err(error) => error_response(error),
    };
    response.extensions_mut().insert(RouteName(path));
    response
}

async fn receive(raw: Raw, request: Request, path: &'static str, kind: Kind) -> Result<Upload> {
    let (parts, body) = request.into_parts();
    let config = &raw.media.config;
    let min_rate = MinRate { bytes_per_second: config.min_upload_rate, period: config.min_upload_rate_period };
    let body = form::Body::new(body, config.idle_timeout, min_rate);
    let limit = config.limit(kind);
    let checked = async {
        let caller = raw.authorizer.admit(declared(&Method::POST, path)?, &parts.headers).await?;
        let owner = caller.require_user()?.id;
        if kind == Kind::Video {
            raw.media.check_channel(owner).await?;
        }
        let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let boundary = content_type.and_then(|v| multer::parse_boundary(v).ok()).ok_or_else(|| {
            Error::field(Reason::InvalidParams, "file", "should be a field of a multipart/form-data body")
        })?;
        let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > limit + FORM_OVERHEAD) {
            return Err(too_large(kind, limit));
        }
        let address = request::client_address(&parts.headers);
        Ok((UploadRequest { owner, address, kind, size_bytes: length }, boundary))
    };
    let (upload, boundary) = match checked.await {
        Ok(checked) => checked,
        Err(error) => {
            body.discard_rest();
            return Err(error);
        }
    };
    // This future is dropped if the client disconnects; a task of its own can still
    // clean up.
    let form = form::Form::new(&body, boundary, limit + 2 * FORM_OVERHEAD);
    let work = async move { raw.media.store_file(upload, form.file(kind, limit).await?).await };
    let work = work.instrument(tracing::Span::current());
    let work = match request::current() {
        Some(context) => tokio::spawn(context.scope(work)),
        None => tokio::spawn(work),
    };
    let outcome = work.await.map_err(Error::internal).flatten();
    if outcome.is_err() {
        body.discard_rest();
    }
    outcome
}
