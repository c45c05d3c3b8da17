//! The REST side of a service: finds the route, admits the caller, reads the
//! body, lets the transcoder call the handler, renders errors.

mod problems;

use std::{borrow::Cow, collections::HashMap, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use fenz_contract::{
    rest::{RestHandler, RestRequest, STATUS_HEADER, error_json},
    routes::{Method, Missing, Route, RouteTable},
    rules::{self, Violation},
};
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use rest_over_grpc::transcoding::{HttpResponse, TranscodeResponse};
use serde_json::Value;
use tonic::Status;

use fenz_core::{Error, Reason};

use crate::{identity::Authorizer, server::RouteName, status};

/// The largest JSON body.
const MAX_BODY: usize = 1 << 20;

/// Everything that a REST request needs.
#[derive(Clone)]
pub struct Rest {
    pub routes: Arc<RouteTable>,
    /// By the full names of their gRPC services.
    pub handlers: Arc<HashMap<&'static str, Arc<dyn RestHandler>>>,
    pub authorizer: Authorizer,
    pub timeout: Duration,
}

/// Answers whatever no other route took.
pub async fn handle(State(rest): State<Rest>, request: Request) -> Response {
    let route = match find(&rest.routes, request.method().as_str(), request.uri().path()) {
        Ok(route) => route,
        Err(error) => return error_response(error),
    };
    let mut response = match tokio::time::timeout(rest.timeout, rest.answer(route, request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => error_response(error),
        Err(_) => error_response(Error::new(Reason::DeadlineExceeded, "the request took too long")),
    };
    response.extensions_mut().insert(RouteName(route.template()));
    response
}

impl Rest {
    async fn answer(&self, route: Route, request: Request) -> Result<Response, Error> {
        let (parts, body) = request.into_parts();
        let Route::Rpc(method) = route else { return Err(not_found()) };
        let Some(handler) = self.handlers.get(method.service) else { return Err(not_found()) };
        let caller = self.authorizer.admit(route, &parts.headers).await?;
        check_query(method, &parts.uri)?;
        let mut body = read(body).await?;
        if method.rest.as_ref().is_some_and(|r| r.wants_fields) {
            body = with_fields(body);
        }
        let target = with_lists(&parts.uri, method.rest.as_ref().map_or(&[], |r| r.lists));
        let request =
            RestRequest { method: parts.method.as_str(), target: &target, headers: parts.headers, body: &body, caller };
        match handler.handle(request).await {
            Some(TranscodeResponse::Unary(reply)) => Ok(render(reply, || problems::find(method, &parts.uri, &body))),
            Some(TranscodeResponse::Streaming(_)) | None => Err(not_found()),
        }
    }
}

/// The route of a request.
///
/// # Errors
/// 404, or 405 with the path's methods.
pub fn find(routes: &RouteTable, method: &str, path: &str) -> Result<Route, Error> {
    routes.rest(method, path).map_err(|missing| match missing {
        Missing::Path => not_found(),
        Missing::Method(allow) => {
            Error::new(Reason::MethodNotAllowed, format!("this path takes {allow}")).with("allow", allow)
        }
    })
}

fn not_found() -> Error {
    Error::new(Reason::RouteNotFound, "there is nothing at this path")
}

async fn read(body: Body) -> Result<Vec<u8>, Error> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes().into()),
        Err(e) if e.is::<LengthLimitError>() => {
            Err(Error::new(Reason::BodyTooLarge, format!("a JSON body has at most {MAX_BODY} bytes")))
        }
        Err(_) => Err(Error::new(Reason::InvalidParams, "the body ended before it was complete")),
    }
}

/// Where there is a body, nothing is taken from the query: logs and browser histories
/// keep addresses, and passwords are among the fields.
fn check_query(method: &Method, uri: &http::Uri) -> Result<(), Error> {
    let Some(query) = uri.query().filter(|_| method.rest.as_ref().is_some_and(|r| r.has_body)) else { return Ok(()) };
    let names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name).take(rules::MOST);
    let violations = names.map(|name| Violation {
        description: "fields of this request belong in its body, not in the query".to_owned(),
        reason: Reason::InvalidParams,
        field: name.into_owned(),
    });
    let violations: Vec<_> = violations.collect();
    if violations.is_empty() { Ok(()) } else { Err(rules::refuse(Reason::InvalidParams, violations)) }
}

/// Tells the request which fields its body carried, so that an empty list is
/// not the same as none.
fn with_fields(body: Vec<u8>) -> Vec<u8> {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(&body) else { return body };
    let names: Vec<_> = fields.keys().map(|k| Value::from(snake(k))).collect();
    fields.insert("updateFields".to_owned(), Value::from(names));
    serde_json::to_vec(&fields).unwrap_or(body)
}

/// The path and query, with `ids=1,2` written out as `ids=1&ids=2` for fields
/// that are lists: both ways are common.
fn with_lists<'a>(uri: &'a http::Uri, lists: &[&str]) -> Cow<'a, str> {
    let target = uri.path_and_query().map_or("/", |t| t.as_str());
    let Some(query) = uri.query().filter(|_| !lists.is_empty()) else { return Cow::Borrowed(target) };
    let start = uri.path().len() + 1;
    let mut rewritten = form_urlencoded::Serializer::for_suffix(format!("{}?", uri.path()), start);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if lists.contains(&name.as_ref()) {
            rewritten.extend_pairs(value.split(',').map(|entry| (&name, entry)));
        } else {
            rewritten.append_pair(&name, &value);
        }
    }
    Cow::Owned(rewritten.finish())
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn render(reply: HttpResponse, violations: impl FnOnce() -> Vec<rules::Violation>) -> Response {
    let mut status = reply.status();
    let mut headers = reply.headers().clone();
    if let Some(of_error) = headers.remove(STATUS_HEADER) {
        status = of_error.to_str().ok().and_then(|s| s.parse().ok()).unwrap_or(status);
    } else if !status.is_success() {
        // The transcoder itself refused: what came does not decode.
        let message = serde_json::from_slice::<Value>(reply.body()).ok();
        let message = message.as_ref().and_then(|b| b["message"].as_str()).unwrap_or("the request does not decode");
        return error_response(undecodable(message, violations()));
    }
    let mut response = Response::new(Body::from(reply.into_body()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn undecodable(message: &str, violations: Vec<rules::Violation>) -> Error {
    if violations.is_empty() {
        return Error::new(Reason::InvalidParams, message);
    }
    rules::refuse(Reason::InvalidParams, violations)
}

/// An error as the response of a plain axum handler.
pub struct HttpError(pub Error);

impl From<Error> for HttpError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        error_response(self.0)
    }
}

/// An error as an HTTP response.
pub fn error_response(mut error: Error) -> Response {
    let allow = error.metadata.remove("allow");
    let mut response = status_response(&status::from_error(error));
    if let Some(allow) = allow.and_then(|a| HeaderValue::try_from(a).ok()) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// A status as an HTTP response.
pub fn status_response(status: &Status) -> Response {
    let (code, retry_after, body) = error_json(status);
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (code, axum::Json(body)).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_may_be_written_in_one() {
        let written = |uri: &str| with_lists(&uri.parse().unwrap(), &["tagIds"]).into_owned();
        assert_eq!(written("/v?tagIds=1,2&page=3"), "/v?tagIds=1&tagIds=2&page=3");
        assert_eq!(written("/v?tagIds=1%2C2"), "/v?tagIds=1&tagIds=2");
        assert_eq!(written("/v?q=a,b"), "/v?q=a%2Cb");
        assert_eq!(written("/v"), "/v");
    }
}
