//! The REST side of a service: finds the route, admits the caller, reads the
//! body, lets the transcoder call the handler, renders errors.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use fenz_contract::{
    rest::{RestHandler, STATUS_HEADER, error_json},
    routes::{Missing, Route, RouteTable},
    rules,
};
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use rest_over_grpc::transcoding::{HttpResponse, TranscodeResponse};
use serde_json::{Map, Value, json};
use tonic::Status;

use crate::{Error, Reason, identity::Gatekeeper, server::RouteName};

/// The largest JSON body.
const MAX_BODY: usize = 1 << 20;

/// Everything that a REST request needs.
#[derive(Clone)]
pub struct Rest {
    pub routes: Arc<RouteTable>,
    pub handlers: Arc<[Arc<dyn RestHandler>]>,
    pub gatekeeper: Gatekeeper,
    pub timeout: Duration,
}

/// Answers whatever no other route took.
pub async fn handle(State(rest): State<Rest>, request: Request) -> Response {
    let route = match find(&rest.routes, request.method().as_str(), request.uri().path()) {
        Ok(route) => route,
        Err(error) => return error.into_response(),
    };
    let mut response = match tokio::time::timeout(rest.timeout, rest.answer(route, request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => error.into_response(),
        Err(_) => Error::new(Reason::DeadlineExceeded, "the request took too long").into_response(),
    };
    response.extensions_mut().insert(RouteName(route.template()));
    response
}

impl Rest {
    async fn answer(&self, route: Route, request: Request) -> Result<Response, Error> {
        let (parts, body) = request.into_parts();
        let Route::Rpc(method) = route else { return Err(not_found()) };
        self.gatekeeper.admit(route, &parts.headers).await?;
        let mut body = read(body).await?;
        if method.rest.as_ref().is_some_and(|r| r.wants_fields) {
            body = with_fields(body);
        }
        let target = parts.uri.path_and_query().map_or("/", |t| t.as_str());
        for handler in self.handlers.iter() {
            // Cheap: header values are shared. Most services have one or two handlers.
            let headers = parts.headers.clone();
            match handler.handle(parts.method.as_str(), target, headers, &body).await {
                Some(TranscodeResponse::Unary(reply)) => {
                    return Ok(render(reply, || violations(method.decode, &body, parts.uri.query())));
                }
                Some(TranscodeResponse::Streaming(_)) => return Err(not_found()),
                None => {}
            }
        }
        Err(not_found())
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

/// Tells the request which fields its body carried, so that an empty list is
/// not the same as none.
fn with_fields(body: Vec<u8>) -> Vec<u8> {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(&body) else { return body };
    let names: Vec<_> = fields.keys().map(|k| Value::from(snake(k))).collect();
    fields.insert("updateFields".to_owned(), Value::from(names));
    serde_json::to_vec(&fields).unwrap_or(body)
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
        return undecodable(message, &violations());
    }
    let mut response = Response::new(Body::from(reply.into_body()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn undecodable(message: &str, violations: &[rules::Violation]) -> Response {
    if violations.is_empty() {
        return Error::new(Reason::InvalidParams, message).into_response();
    }
    status_response(&rules::refuse(Reason::InvalidParams.as_str_name(), violations))
}

/// Which fields do not decode, each tried alone.
fn violations(
    decode: fn(&[u8]) -> Result<(), serde_json::Error>,
    body: &[u8],
    query: Option<&str>,
) -> Vec<rules::Violation> {
    let mut fields: Vec<(String, Vec<Value>)> = Vec::new();
    if let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(body) {
        fields.extend(body.into_iter().map(|(k, v)| (k, vec![v])));
    }
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        // A parameter may be one value or one entry of a list.
        fields.push((name.into_owned(), vec![json!(value), json!([value])]));
    }
    fields
        .into_iter()
        .filter_map(|(field, readings)| {
            let mut problem = None;
            for value in readings {
                let alone = Value::Object(Map::from_iter([(field.clone(), value)]));
                match decode(alone.to_string().as_bytes()) {
                    Ok(()) => return None,
                    Err(error) => problem = problem.or(Some(error)),
                }
            }
            let description = problem?.to_string();
            let description = description.split(" at line ").next().unwrap_or_default().to_owned();
            Some(rules::Violation { field, reason: Reason::InvalidParams.as_str_name(), description })
        })
        .collect()
}

impl IntoResponse for Error {
    fn into_response(mut self) -> Response {
        let allow = self.take("allow");
        let mut response = status_response(&Status::from(self));
        if let Some(allow) = allow.and_then(|a| HeaderValue::try_from(a).ok()) {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }
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
