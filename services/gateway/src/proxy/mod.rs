//! Hands requests over to the services, as streams in both directions.

mod body;
mod failure;
mod headers;
mod tunnel;
mod upstream;

use std::{sync::Arc, time::Duration};

use axum::{body::Body, extract::Request, response::Response};
use fenz_contract::routes::Route;
use http::{HeaderMap, Method, StatusCode, Uri, Version, request};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::Instant;

pub use failure::Failure;
pub use headers::Origin;
pub use tunnel::Tunnels;
pub use upstream::{Upstream, Upstreams};

use body::{Progress, Watched};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Shorter than the services wait for the next request of a connection, so
/// that it is we who give it up.
const POOL_IDLE: Duration = Duration::from_secs(8);
const POOL_SIZE: usize = 256;
/// How long an upload may take after its last byte. Media puts the last part
/// away (60 s), then all of them together (600 s), and looks inside (20 s).
const UPLOAD_ANSWER: Duration = Duration::from_secs(720);

/// Which protocol a request goes over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Rest,
    Grpc,
}

/// How long to wait for the answer.
#[derive(Clone, Copy)]
enum Patience {
    /// An RPC: from beginning to end.
    Until(Instant),
    /// Bytes: as long as they move.
    WhileMoving(Duration),
}

impl Patience {
    /// When it ends, as far as a request's body has got.
    fn end(self, progress: &Progress) -> Instant {
        match self {
            Self::Until(deadline) => deadline,
            Self::WhileMoving(_) if progress.has_ended() => progress.moved_at() + UPLOAD_ANSWER,
            Self::WhileMoving(span) => progress.moved_at() + span,
        }
    }
}

/// Sends requests on.
pub struct Proxy {
    http1: Client<HttpConnector, Body>,
    http2: Client<HttpConnector, Body>,
    request_timeout: Duration,
    idle_timeout: Duration,
    tunnels: Tunnels,
}

impl Proxy {
    pub fn new(request_timeout: Duration, idle_timeout: Duration, tunnels: Tunnels) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_SIZE);
        let http1 = builder.build(connector.clone());
        builder
            .http2_only(true)
            .http2_initial_stream_window_size(1 << 20)
            .http2_initial_connection_window_size(4 << 20)
            .http2_keep_alive_interval(Duration::from_secs(15));
        Self { http1, http2: builder.build(connector), request_timeout, idle_timeout, tunnels }
    }

    /// Sends a request to an upstream and gives back its answer, whose body is
    /// still coming.
    pub async fn forward(
        &self,
        upstream: &Upstream,
        route: Route,
        protocol: Protocol,
        origin: &Origin,
        request: Request,
    ) -> Result<Response, Failure> {
        let (mut parts, body) = request.into_parts();
        let entrance = self.tunnels.entrance(&mut parts, &body)?;
        let permit = upstream.breaker.admit().map_err(|wait| Failure::Resting { upstream: upstream.name, wait })?;
        headers::to_upstream(&mut parts, origin, protocol);
        if entrance.is_some() {
            headers::ask_for_websocket(&mut parts.headers);
        }
        let head = Head {
            uri: upstream.uri(&parts.uri),
            method: parts.method,
            // What the server put there is about the connection in front.
            headers: parts.headers,
        };
        let patience = match route {
            Route::Rpc(_) => Patience::Until(Instant::now() + self.request_timeout),
            Route::Raw(_) => Patience::WhileMoving(self.idle_timeout),
        };
        let is_upload = matches!(route, Route::Raw(_)) && !body.is_end_stream();
        let outcome = if body.is_end_stream() {
            self.send_empty(head, protocol, patience).await
        } else {
            // Boxed, as what is rare and large here: every request carries the room.
            Box::pin(self.send_stream(head, body, protocol, patience)).await
        };
        match &outcome {
            // A slow store is no sign that the service is away.
            Err(Failure::Slow) if is_upload => drop(permit),
            Err(failure) if failure.is_of_upstream() => permit.failed(),
            Err(failure) if failure.is_of_client() => drop(permit),
            Ok(_) | Err(_) => permit.succeeded(),
        }
        let mut response = outcome?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return entrance.ok_or(Failure::Unasked)?.open(&mut response, self.tunnels.clone());
        }
        headers::to_client(response.headers_mut(), protocol);
        Ok(response.map(|body| Body::new(Watched::new(body, self.idle_timeout))))
    }

    /// A request without a body can be repeated where that does no harm.
    async fn send_empty(
        &self,
        head: Head,
        protocol: Protocol,
        patience: Patience,
    ) -> Result<http::Response<Incoming>, Failure> {
        let deadline = match patience {
            Patience::Until(deadline) => deadline,
            Patience::WhileMoving(span) => Instant::now() + span,
        };
        let spare = head.method.is_idempotent().then(|| head.clone());
        let client = self.client(protocol);
        let sending = async {
            match (client.request(head.request(protocol, Body::empty())).await, spare) {
                (Ok(response), _) => Ok(response),
                (Err(error), Some(head)) if failure::may_repeat(&error, &head.method) => {
                    Ok(Box::pin(async { client.request(head.request(protocol, Body::empty())).await }).await?)
                }
                (Err(error), _) => Err(error.into()),
            }
        };
        tokio::time::timeout_at(deadline, sending).await.unwrap_or(Err(Failure::Slow))
    }

    async fn send_stream(
        &self,
        head: Head,
        body: Body,
        protocol: Protocol,
        patience: Patience,
    ) -> Result<http::Response<Incoming>, Failure> {
        let progress = Arc::new(Progress::new());
        let body = Body::new(Watched::new(body, self.idle_timeout).reporting(progress.clone()));
        let mut sending = std::pin::pin!(self.client(protocol).request(head.request(protocol, body)));
        loop {
            tokio::select! {
                sent = &mut sending => return sent.map_err(|error| {
                    if progress.client_failed() { Failure::ClientGone } else { error.into() }
                }),
                () = tokio::time::sleep_until(patience.end(&progress)) => {}
            }
            match patience {
                // The client's own pauses end in the body, not here.
                Patience::WhileMoving(_) if progress.waits_for_client() => {
                    progress.touch();
                }
                Patience::WhileMoving(_) if patience.end(&progress) > Instant::now() => {}
                _ if progress.waits_for_client() => return Err(Failure::ClientSlow),
                _ => return Err(Failure::Slow),
            }
        }
    }

    fn client(&self, protocol: Protocol) -> &Client<HttpConnector, Body> {
        match protocol {
            Protocol::Rest => &self.http1,
            Protocol::Grpc => &self.http2,
        }
    }
}

#[derive(Clone)]
struct Head {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Head {
    fn request(self, protocol: Protocol, body: Body) -> http::Request<Body> {
        let (mut parts, ()) = request::Request::new(()).into_parts();
        parts.method = self.method;
        parts.uri = self.uri;
        parts.headers = self.headers;
        parts.version = match protocol {
            Protocol::Rest => Version::HTTP_11,
            Protocol::Grpc => Version::HTTP_2,
        };
        http::Request::from_parts(parts, body)
    }
}
