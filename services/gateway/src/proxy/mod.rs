//! Streaming reverse proxy to the services.

mod body;
mod client;
mod event_stream;
mod failure;
mod headers;
mod tunnel;
mod upstream;

use std::{sync::Arc, time::Duration};

use axum::{body::Body, extract::Request, response::Response};
use fenz_contract::routes::{RawRouteKind, Route};
use http::StatusCode;
use http_body::Body as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use failure::Failure;
pub use headers::ClientInfo;
pub use tunnel::Tunnels;
pub use upstream::{Upstream, Upstreams};

use body::{IdleTimeoutBody, Progress};
use client::{RequestHead, ResponseBody, UpstreamClient};
use event_stream::EventStreamBody;
use upstream::Target;

/// How long the response to an upload may take after the last byte of the body:
/// media stores the last part (60 s), completes the multipart upload (600 s) and
/// probes the file (20 s), with some margin.
const UPLOAD_RESPONSE_TIMEOUT: Duration = Duration::from_secs(720);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Rest,
    Grpc,
}

/// How long to wait for the head of the response.
#[derive(Clone, Copy)]
enum Deadline {
    /// A fixed time, for RPCs and webhooks.
    At(Instant),
    /// A time after the last progress of the request body, for what is streamed.
    Idle(Duration),
}

impl Deadline {
    fn instant(self, progress: &Progress) -> Instant {
        match self {
            Self::At(deadline) => deadline,
            Self::Idle(_) if progress.has_ended() => progress.last_activity() + UPLOAD_RESPONSE_TIMEOUT,
            Self::Idle(timeout) => progress.last_activity() + timeout,
        }
    }
}

/// Forwards requests to the upstreams.
pub struct Proxy {
    client: UpstreamClient,
    request_timeout: Duration,
    idle_timeout: Duration,
    tunnels: Tunnels,
    draining: CancellationToken,
}

impl Proxy {
    pub fn new(
        request_timeout: Duration,
        idle_timeout: Duration,
        tunnels: Tunnels,
        draining: CancellationToken,
    ) -> Self {
        Self { client: UpstreamClient::new(), request_timeout, idle_timeout, tunnels, draining }
    }

    /// Sends a request to an upstream and returns the response with a streaming
    /// body.
    pub async fn forward(
        &self,
        upstream: &Upstream,
        route: Route,
        protocol: Protocol,
        client: &ClientInfo,
        request: Request,
    ) -> Result<Response, Failure> {
        let (mut parts, body) = request.into_parts();
        let upgrade = self.tunnels.accept(&mut parts, &body)?;
        let permit = upstream.breaker.admit().map_err(|wait| Failure::CircuitOpen { wait })?;
        headers::to_upstream(&mut parts, client, protocol);
        if upgrade.is_some() {
            headers::set_websocket_upgrade(&mut parts.headers);
        }
        upstream.set_address(&mut parts);
        let head = RequestHead {
            uri: parts.uri,
            method: parts.method,
            // Not the extensions: they belong to the client's connection.
            headers: parts.headers,
            protocol,
            is_upgrade: upgrade.is_some(),
        };
        let deadline = match route.kind() {
            None | Some(RawRouteKind::Webhook) => Deadline::At(Instant::now() + self.request_timeout),
            Some(_) => Deadline::Idle(self.idle_timeout),
        };
        let outcome = if body.is_end_stream() {
            self.send_empty(&upstream.target, head, deadline).await
        } else {
            // Boxed: this large future is rare, but would enlarge that of every request.
            Box::pin(self.send_stream(&upstream.target, head, body, deadline)).await
        };
        match &outcome {
            // A slow object store does not mean that the service is down.
            Err(Failure::Timeout) if route.kind() == Some(RawRouteKind::Upload) => drop(permit),
            Err(failure) if failure.is_upstream_fault() => permit.failed(),
            Err(failure) if failure.is_client_fault() => drop(permit),
            Ok(_) | Err(_) => permit.succeeded(),
        }
        let mut response = outcome?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return upgrade.ok_or(Failure::UnexpectedUpgrade)?.complete(&mut response, self.tunnels.clone());
        }
        headers::to_client(response.headers_mut(), protocol);
        let is_event_stream = route.kind() == Some(RawRouteKind::EventStream) && response.status().is_success();
        Ok(response.map(|body| {
            let body = IdleTimeoutBody::new(body, self.idle_timeout);
            if is_event_stream { Body::new(EventStreamBody::new(body, self.draining.clone())) } else { Body::new(body) }
        }))
    }

    /// Sends a request without a body, and retries it once where that is safe.
    async fn send_empty(
        &self,
        target: &Target,
        head: RequestHead,
        deadline: Deadline,
    ) -> Result<http::Response<ResponseBody>, Failure> {
        let deadline = match deadline {
            Deadline::At(deadline) => deadline,
            Deadline::Idle(timeout) => Instant::now() + timeout,
        };
        // In memory there is no connection that may be closed meanwhile.
        let may_retry = matches!(target, Target::Remote(_)) && head.method.is_idempotent();
        let retry = may_retry.then(|| head.clone());
        let sending = async {
            match (self.client.send(target, head, Body::empty()).await, retry) {
                (Ok(response), _) => Ok(response),
                (Err(error), Some(head)) if error.is_retryable(&head.method) => {
                    Ok(Box::pin(self.client.send(target, head, Body::empty())).await?)
                }
                (Err(error), _) => Err(error.into()),
            }
        };
        tokio::time::timeout_at(deadline, sending).await.unwrap_or(Err(Failure::Timeout))
    }

    async fn send_stream(
        &self,
        target: &Target,
        head: RequestHead,
        body: Body,
        deadline: Deadline,
    ) -> Result<http::Response<ResponseBody>, Failure> {
        let progress = Arc::new(Progress::new());
        let body = Body::new(IdleTimeoutBody::new(body, self.idle_timeout).with_progress(progress.clone()));
        let mut sending = std::pin::pin!(self.client.send(target, head, body));
        loop {
            tokio::select! {
                sent = &mut sending => return match sent {
                    // A service in memory answers to what it has of the request.
                    _ if progress.client_failed() => Err(Failure::ClientIncomplete),
                    sent => Ok(sent?),
                },
                () = tokio::time::sleep_until(deadline.instant(&progress)) => {}
            }
            match deadline {
                // An idle client is the body's own timeout, not the upstream's.
                Deadline::Idle(_) if progress.is_waiting_for_client() => progress.touch(),
                Deadline::Idle(_) if deadline.instant(&progress) > Instant::now() => {}
                _ if progress.is_waiting_for_client() => return Err(Failure::ClientTimeout),
                _ => return Err(Failure::Timeout),
            }
        }
    }
}
