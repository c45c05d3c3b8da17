//! `GET` and `HEAD /media/…`: plays a file, whole or in a range.

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use fenz_chassis::{Error, Reason, Result, media_url::Pass, server::RouteName};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};

use super::{Raw, declared};
use crate::domain::{
    range::{Wanted, has_already, if_range_holds, wanted},
    upload::{Upload, UploadId},
};

const PATH: &str = "/media/{*address}";

pub async fn play(State(raw): State<Raw>, request: Request) -> Response {
    let (request, _) = request.into_parts();
    let mut response = answer(&raw, &request).await.unwrap_or_else(IntoResponse::into_response);
    response.extensions_mut().insert(RouteName(PATH));
    response
}

async fn answer(raw: &Raw, request: &Parts) -> Result<Response> {
    raw.gatekeeper.admit(declared(&request.method, PATH)?, &request.headers).await?;
    let now = raw.media.clock.unix();
    let Pass { upload_id: id, expires, audience } = raw.urls.verify(request.uri.path(), now)?;
    let file = raw.media.file(UploadId(id)).await?;
    raw.media.admit(file.id, audience).await?;
    let etag = format!("\"{}\"", file.sha256);
    let mut headers = describe(&file, &etag, expires - now)?;
    if has_already(text(request, header::IF_NONE_MATCH), &etag) {
        headers.remove(header::CONTENT_TYPE);
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let range = text(request, header::RANGE)
        .filter(|_| if_range_holds(text(request, header::IF_RANGE), &etag, file.created_at));
    let size = file.size_bytes;
    let (status, first, last) = match wanted(range, size) {
        Wanted::Whole => (StatusCode::OK, 0, size.saturating_sub(1)),
        Wanted::Part { first, last } => {
            headers.insert(header::CONTENT_RANGE, value(&format!("bytes {first}-{last}/{size}"))?);
            (StatusCode::PARTIAL_CONTENT, first, last)
        }
        Wanted::Nothing => return outside(size),
    };
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(last - first + 1));
    let body = match request.method {
        Method::HEAD => Body::empty(),
        _ => Body::from_stream(raw.media.bytes(&file, audience, first, last).await?),
    };
    Ok((status, headers, body).into_response())
}

fn text(request: &Parts, name: header::HeaderName) -> Option<&str> {
    request.headers.get(name)?.to_str().ok()
}

/// What is said of a file whichever part of it is sent.
fn describe(file: &Upload, etag: &str, seconds_left: i64) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, value(&file.content_type)?);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::ETAG, value(etag)?);
    headers.insert(header::LAST_MODIFIED, value(&http_date(file.created_at))?);
    // The address stands for these very bytes for as long as it is valid.
    headers.insert(header::CACHE_CONTROL, value(&format!("private, max-age={seconds_left}, immutable"))?);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(headers)
}

fn outside(size: u64) -> Result<Response> {
    let error = Error::new(Reason::RangeNotSatisfiable, format!("the range lies outside the file's {size} bytes"));
    let mut response = error.into_response();
    response.headers_mut().insert(header::CONTENT_RANGE, value(&format!("bytes */{size}"))?);
    Ok(response)
}

fn http_date(at: DateTime<Utc>) -> String {
    httpdate::fmt_http_date(at.into())
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(Error::internal)
}
