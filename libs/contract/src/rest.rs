//! The REST side of an RPC: headers in, headers out, errors as JSON.

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue};
use rest_over_grpc::{
    handling::{Code, Context, Status as RestStatus},
    transcoding::{Transcode, TranscodeResponse},
};
use serde_json::{Value, json};
use tonic::{Request, Response, Status, metadata::MetadataMap};
use tonic_types::StatusExt;

use crate::ErrorReason;

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
    async fn handle(&self, method: &str, target: &str, headers: HeaderMap, body: &[u8]) -> Option<TranscodeResponse>;
}

#[async_trait]
impl<T: Transcode + Send + Sync> RestHandler for T {
    async fn handle(&self, method: &str, target: &str, headers: HeaderMap, body: &[u8]) -> Option<TranscodeResponse> {
        self.try_transcode(method, target, headers, body).await
    }
}

/// Calls the gRPC handler for a REST request.
pub(crate) async fn bridge<Req, Res, F>(
    request: Req,
    cx: &mut Context,
    call: impl FnOnce(Request<Req>) -> F,
) -> Result<Res, RestStatus>
where
    F: Future<Output = Result<Response<Res>, Status>>,
{
    let mut request = Request::new(request);
    *request.metadata_mut() = MetadataMap::from_headers(cx.take_request_headers());
    match call(request).await {
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
    let mut http_status = crate::reason::http_status(status.code());
    let mut retry_after = None;
    if let Some(info) = details.error_info() {
        if let Some(reason) = ErrorReason::from_str_name(&info.reason) {
            http_status = reason.http_status();
        }
        retry_after = info.metadata.get("retryAfterSeconds").and_then(|s| s.parse().ok());
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
