//! `GET` and `HEAD /media/…`: sends a file or a range of it.

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use fenz_chassis::{error_response, media_url::SignedPath, server::RouteName};
use fenz_core::{Error, Reason, Result};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};

use super::{Raw, declared};
use crate::domain::{
    range::{RangeRequest, if_none_match_matches, if_range_matches, parse_range},
    upload::{Upload, UploadId},
};

const PATH: &str = "/media/{*address}";

pub async fn play(State(raw): State<Raw>, request: Request) -> Response {
    let (request, _) = request.into_parts();
    let mut response = respond(&raw, &request).await.unwrap_or_else(error_response);
    response.extensions_mut().insert(RouteName(PATH));
    response
}

async fn respond(raw: &Raw, request: &Parts) -> Result<Response> {
    raw.authorizer.admit(declared(&request.method, PATH)?, &request.headers).await?;
    let now = raw.media.clock.unix();
    let SignedPath { upload_id: id, expires, audience } = raw.urls.verify(request.uri.path(), now)?;
    let upload = raw.media.upload(UploadId(id)).await?;
    raw.media.check_playback(upload.id, audience).await?;
    let etag = format!("\"{}\"", upload.metadata.sha256);
    let mut headers = file_headers(&upload, &etag, expires - now)?;
    if if_none_match_matches(text(request, header::IF_NONE_MATCH), &etag) {
        headers.remove(header::CONTENT_TYPE);
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let range = text(request, header::RANGE)
        .filter(|_| if_range_matches(text(request, header::IF_RANGE), &etag, upload.created_at));
    let size = upload.metadata.size_bytes;
    let (status, first, last) = match parse_range(range, size) {
        RangeRequest::Full => (StatusCode::OK, 0, size.saturating_sub(1)),
        RangeRequest::Partial { first, last } => {
            headers.insert(header::CONTENT_RANGE, value(&format!("bytes {first}-{last}/{size}"))?);
            (StatusCode::PARTIAL_CONTENT, first, last)
        }
        RangeRequest::Unsatisfiable => return range_not_satisfiable(size),
    };
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(last - first + 1));
    let body = match request.method {
        Method::HEAD => Body::empty(),
        _ => Body::from_stream(raw.media.bytes(&upload, audience, first, last).await?),
    };
    Ok((status, headers, body).into_response())
}

fn text(request: &Parts, name: header::HeaderName) -> Option<&str> {
    request.headers.get(name)?.to_str().ok()
}

/// The headers of every response with the file.
fn file_headers(upload: &Upload, etag: &str, seconds_left: i64) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, value(&upload.content_type)?);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::ETAG, value(etag)?);
    headers.insert(header::LAST_MODIFIED, value(&http_date(upload.created_at))?);
    // A signed address names the same bytes as long as it is valid.
    headers.insert(header::CACHE_CONTROL, value(&format!("private, max-age={seconds_left}, immutable"))?);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(headers)
}

fn range_not_satisfiable(size: u64) -> Result<Response> {
    let error = Error::new(Reason::RangeNotSatisfiable, format!("the range lies outside the file's {size} bytes"));
    let mut response = error_response(error);
    response.headers_mut().insert(header::CONTENT_RANGE, value(&format!("bytes */{size}"))?);
    Ok(response)
}

fn http_date(at: DateTime<Utc>) -> String {
    httpdate::fmt_http_date(at.into())
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(Error::internal)
}
