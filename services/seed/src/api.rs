//! Client of the public API: REST through the gateway, with the contract's messages.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use fenz_contract::media::v1::{Upload, UploadResponse};
use reqwest::{Method, RequestBuilder, multipart};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tonic::Status;
use tonic_types::StatusExt;

/// Limit of the total delay of a request that is rate-limited.
pub const MAX_RETRY_DELAY: Duration = Duration::from_secs(180);
const TIMEOUT: Duration = Duration::from_secs(60);
/// Less than the platform keeps a connection without a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    gateway: String,
}

/// An error response of the platform.
#[derive(Debug, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct ApiError {
    pub reason: String,
    message: String,
    pub retry_after: Option<Duration>,
}

impl ApiError {
    pub fn from_status(status: &Status) -> Self {
        let info = status.get_error_details().error_info().cloned();
        let seconds = info.as_ref().and_then(|info| info.metadata.get("retryAfterSeconds")?.parse().ok());
        Self {
            reason: info.map_or_else(|| status.code().to_string(), |info| info.reason),
            message: status.message().to_owned(),
            retry_after: seconds.map(Duration::from_secs),
        }
    }
}

impl Api {
    pub fn new(gateway: &str) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).pool_idle_timeout(IDLE_TIMEOUT).build()?;
        Ok(Self { http, gateway: gateway.trim_end_matches('/').to_owned() })
    }

    pub async fn get<R: DeserializeOwned>(&self, path: &str, token: Option<&str>) -> Result<R> {
        self.call(Method::GET, path, token, None::<&()>).await
    }

    pub async fn post<R: DeserializeOwned>(&self, path: &str, token: Option<&str>, body: &impl Serialize) -> Result<R> {
        self.call(Method::POST, path, token, Some(body)).await
    }

    pub async fn put<R: DeserializeOwned>(&self, path: &str, token: Option<&str>, body: &impl Serialize) -> Result<R> {
        self.call(Method::PUT, path, token, Some(body)).await
    }

    /// Uploads a file to one of the upload routes.
    pub async fn upload(&self, path: &str, token: &str, file: &Path) -> Result<Upload> {
        let bytes = tokio::fs::read(file).await?;
        let request = || {
            let part = multipart::Part::bytes(bytes.clone()).file_name("file");
            Ok(self.request(Method::POST, path, Some(token)).multipart(multipart::Form::new().part("file", part)))
        };
        let reply: UploadResponse = send_with_retry(request).await?;
        reply.upload.context("the reply to an upload is empty")
    }

    async fn call<R: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&impl Serialize>,
    ) -> Result<R> {
        let request = || {
            let request = self.request(method.clone(), path, token);
            Ok(match body {
                Some(body) => request.json(body),
                None => request,
            })
        };
        send_with_retry(request).await.with_context(|| format!("{method} {path}"))
    }

    fn request(&self, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/api/v1/{path}", self.gateway));
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

/// Retries rate-limited requests after the delay in the error.
async fn send_with_retry<R: DeserializeOwned>(request: impl Fn() -> Result<RequestBuilder>) -> Result<R> {
    let mut delayed = Duration::ZERO;
    loop {
        let reply = request()?.send().await.map_err(|error| {
            if error.is_connect() {
                return anyhow::anyhow!(
                    "the gateway does not answer; start one with `make run`, or set its URL with --gateway"
                );
            }
            error.into()
        })?;
        if reply.status().is_success() {
            return Ok(reply.json().await?);
        }
        let status = reply.status();
        let error = parse_error(&reply.json().await.with_context(|| format!("the gateway answered {status}"))?);
        match error.retry_after {
            Some(delay) if delayed + delay <= MAX_RETRY_DELAY && error.reason == "RATE_LIMITED" => {
                tokio::time::sleep(delay).await;
                delayed += delay;
            }
            _ => bail!(error),
        }
    }
}

/// Parses a `google.rpc.Status`.
fn parse_error(status: &Value) -> ApiError {
    let details = status["details"].as_array().cloned().unwrap_or_default();
    let info = details.iter().find(|d| d["reason"].is_string()).cloned().unwrap_or_default();
    let seconds = info["metadata"]["retryAfterSeconds"].as_str().and_then(|s| s.parse().ok());
    ApiError {
        reason: info["reason"].as_str().unwrap_or("UNKNOWN_ERROR").to_owned(),
        message: status["message"].as_str().unwrap_or_default().to_owned(),
        retry_after: seconds.map(Duration::from_secs),
    }
}

/// Whether an error is an error response with this reason.
pub fn has_reason(error: &anyhow::Error, reason: &str) -> bool {
    error.downcast_ref::<ApiError>().is_some_and(|error| error.reason == reason)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_is_parsed_from_its_details() {
        let error = parse_error(&json!({
            "code": 8, "message": "too many requests",
            "details": [{"reason": "RATE_LIMITED", "metadata": {"retryAfterSeconds": "7"}}],
        }));
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
        let error = anyhow::Error::from(error).context("GET videos");
        assert!(has_reason(&error, "RATE_LIMITED") && !has_reason(&error, "INTERNAL"));
    }
}
