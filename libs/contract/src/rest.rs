//! The REST side of an RPC: headers in, headers out, errors as JSON.

use async_trait::async_trait;
use fenz_core::{Caller, Reason};
use http::{HeaderMap, HeaderValue};
use rest_over_grpc::{
    handling::{Code, Context, Status as RestStatus},
    transcoding::TranscodeResponse,
};
use serde_json::{Value, json};
use tonic::{Request, Response, Status, metadata::MetadataMap};
use tonic_types::StatusExt;

use crate::{
    guard::Guard,
    rules::{Rules, validate},
};

/// Carries the HTTP status of an error from the bridge to the server, which
/// takes it off: the transcoder itself knows gRPC codes only.
pub const STATUS_HEADER: &str = "x-fenz-http-status";

pub(crate) mod transcoders {
    #![allow(clippy::all, clippy::pedantic, missing_docs)]
    include!(concat!(env!("OUT_DIR"), "/transcoders.rs"));
}

/// The REST side of one gRPC service.
#[async_trait]
pub trait RestHandler: Send + Sync {
    /// Answers a request; `None` when no route of the service matches.
    async fn handle(&self, request: RestRequest<'_>) -> Option<TranscodeResponse>;
}

/// A request whose caller was admitted to the route.
pub struct RestRequest<'a> {
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    pub headers: HeaderMap,
    pub body: &'a [u8],
    pub caller: Caller,
}

/// Validates a REST request and calls the handler for it.
pub(crate) async fn bridge<G: Guard, Req: Rules, Res, F>(
    guard: &G,
    caller: &Caller,
    message: Req,
    cx: &mut Context,
    call: impl FnOnce(Request<Req>) -> F,
) -> Result<Res, RestStatus>
where
    F: Future<Output = fenz_core::Result<Response<Res>>>,
{
    let answer = match validate(&message) {
        Ok(()) => {
            let mut request = Request::new(message);
            *request.metadata_mut() = MetadataMap::from_headers(cx.take_request_headers());
            request.extensions_mut().insert(caller.clone());
            call(request).await
        }
        Err(error) => Err(error),
    };
    match answer.map_err(|error| guard.status(error)) {
        Ok(response) => {
            let (metadata, message, _) = response.into_parts();
            cx.merge_response_headers(metadata.into_headers());
            Ok(message)
        }
        Err(status) => {
            let (http_status, retry_after, body) = error_parts(&status);
            cx.insert_response_header(http::HeaderName::from_static(STATUS_HEADER), HeaderValue::from(http_status));
            if let Some(seconds) = retry_after {
                cx.insert_response_header(http::header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            let code = Code::from_i32(status.code() as i32).unwrap_or(Code::Unknown);
            Err(RestStatus::new(code, status.message()).with_details(body))
        }
    }
}

/// An error as JSON: `google.rpc.Status` with its HTTP status and, where there
/// is something to wait for, the seconds to wait.
#[must_use]
pub fn error_json(status: &Status) -> (u16, Option<u64>, Value) {
    let (http_status, retry_after, details) = error_parts(status);
    let body = json!({"code": status.code() as i32, "message": status.message(), "details": details});
    (http_status, retry_after, body)
}

fn error_parts(status: &Status) -> (u16, Option<u64>, Vec<Value>) {
    let details = status.get_error_details();
    let mut json = Vec::new();
    let mut http_status = http_status(status.code());
    let mut retry_after = None;
    if let Some(info) = details.error_info() {
        if let Some(reason) = Reason::from_str_name(&info.reason) {
            http_status = reason.http_status();
        }
        retry_after = info.metadata.get(fenz_core::error::RETRY_AFTER).and_then(|s| s.parse().ok());
        let metadata: std::collections::BTreeMap<_, _> = info.metadata.iter().collect();
        json.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": info.reason,
            "domain": info.domain,
            "metadata": metadata,
        }));
    }
    if let Some(bad) = details.bad_request() {
        let violations: Vec<_> =
            bad.field_violations.iter().map(|v| json!({"field": v.field, "description": v.description})).collect();
        json.push(json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}));
    }
    if let Some(request) = details.request_info() {
        json.push(json!({"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": request.request_id}));
    }
    (http_status, retry_after, json)
}

/// The HTTP status of a gRPC code, as `google/rpc/code.proto` maps them: for
/// statuses without a reason of ours, of tonic itself.
fn http_status(code: tonic::Code) -> u16 {
    use tonic::Code;
    match code {
        Code::Ok => 200,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::ResourceExhausted => 429,
        Code::Cancelled => 499,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
        Code::Unknown | Code::Internal | Code::DataLoss => 500,
    }
}
