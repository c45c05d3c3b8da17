//! `GET` and `HEAD /media/…`: sends a file or a range of it.

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use fenz_chassis::{error_response, media_url::SignedPath, server::RouteName};
use fenz_core::{Error, Reason, Result};
use headers::{AcceptRanges, ContentLength, ContentRange, HeaderMapExt};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};

use super::{Raw, declared, preconditions::Validators};
use crate::domain::{
    range::{RangeRequest, parse_range},
    upload::Upload,
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
    let upload = raw.media.upload(id).await?;
    raw.media.check_playback(upload.id, audience).await?;
    let etag = format!("\"{}\"", upload.metadata.sha256).parse().map_err(Error::internal)?;
    let validators = Validators { etag, last_modified: upload.created_at.into() };
    let mut headers = file_headers(&upload, &validators, expires - now)?;
    if validators.are_known(&request.headers) {
        headers.remove(header::CONTENT_TYPE);
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let range = request.headers.get(header::RANGE).filter(|_| validators.allow_range(&request.headers));
    let size = upload.metadata.size_bytes;
    let (status, first, last) = match parse_range(range.and_then(|range| range.to_str().ok()), size) {
        RangeRequest::Full => (StatusCode::OK, 0, size.saturating_sub(1)),
        RangeRequest::Partial { first, last } => {
            headers.typed_insert(ContentRange::bytes(first..=last, size).map_err(Error::internal)?);
            (StatusCode::PARTIAL_CONTENT, first, last)
        }
        RangeRequest::Unsatisfiable => return Ok(range_not_satisfiable(size)),
    };
    headers.typed_insert(ContentLength(last - first + 1));
    let body = match request.method {
        Method::HEAD => Body::empty(),
        _ => Body::from_stream(raw.media.bytes(&upload, audience, first, last).await?),
    };
    Ok((status, headers, body).into_response())
}

/// The headers of every response with the file.
fn file_headers(upload: &Upload, validators: &Validators, seconds_left: i64) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, value(&upload.content_type)?);
    validators.insert_into(&mut headers);
    headers.typed_insert(AcceptRanges::bytes());
    // A signed address names the same bytes as long as it is valid.
    headers.insert(header::CACHE_CONTROL, value(&format!("private, max-age={seconds_left}, immutable"))?);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(headers)
}

fn range_not_satisfiable(size: u64) -> Response {
    let error = Error::new(Reason::RangeNotSatisfiable, format!("the range lies outside the file's {size} bytes"));
    let mut response = error_response(error);
    response.headers_mut().typed_insert(ContentRange::unsatisfied_bytes(size));
    response
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(Error::internal)
}
