//! Sends requests to the upstreams: over pooled connections, or to a service of
//! this process in memory.

use std::{error::Error as _, time::Duration};

use axum::{BoxError, body::Body};
use fenz_chassis::local::NotRunning;
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use super::{Protocol, upstream::Target};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Shorter than the keep-alive timeout of the services, so that the gateway
/// closes idle connections first and never sends on a closed one.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(8);
const POOL_SIZE: usize = 256;

/// From a connection, or from a service of this process.
pub type ResponseBody = Either<Incoming, Body>;

/// Why an upstream did not answer.
#[derive(Debug)]
pub enum SendError {
    Connection(legacy::Error),
    /// A service of this process does not run, or did not upgrade.
    Local(BoxError),
}

impl From<legacy::Error> for SendError {
    fn from(error: legacy::Error) -> Self {
        Self::Connection(error)
    }
}

impl From<NotRunning> for SendError {
    fn from(error: NotRunning) -> Self {
        Self::Local(error.into())
    }
}

impl SendError {
    /// Whether a request without a body may be retried: it was not sent, or its
    /// method is safe.
    pub fn is_retryable(&self, method: &Method) -> bool {
        let Self::Connection(error) = self else { return false };
        let closed = || {
            let cause = error.source().and_then(|e| e.downcast_ref::<hyper::Error>());
            cause.is_some_and(|e| e.is_incomplete_message() || e.is_canceled() || e.is_closed())
        };
        error.is_connect() || (method.is_safe() && closed())
    }
}

/// The clients to the upstreams: over connections HTTP/1.1 for REST and HTTP/2 for
/// gRPC.
pub struct UpstreamClient {
    http1: Client<HttpConnector, Body>,
    http2: Client<HttpConnector, Body>,
}

impl UpstreamClient {
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .pool_max_idle_per_host(POOL_SIZE);
        let http1 = builder.build(connector.clone());
        builder
            .http2_only(true)
            .http2_initial_stream_window_size(1 << 20)
            .http2_initial_connection_window_size(4 << 20)
            .http2_keep_alive_interval(Duration::from_secs(15));
        Self { http1, http2: builder.build(connector) }
    }

    /// The response's head, with a streaming body.
    pub async fn send(
        &self,
        target: &Target,
        head: RequestHead,
        body: Body,
    ) -> Result<Response<ResponseBody>, SendError> {
        let (protocol, is_upgrade) = (head.protocol, head.is_upgrade);
        let request = head.into_request(body);
        match target {
            Target::Remote(_) => {
                let client = match protocol {
                    Protocol::Rest => &self.http1,
                    Protocol::Grpc => &self.http2,
                };
                Ok(client.request(request).await?.map(Either::Left))
            }
            Target::Local(service) if is_upgrade => {
                let response = Box::pin(service.call_upgradable(request)).await;
                Ok(response.map_err(SendError::Local)?.map(Either::Left))
            }
            // Boxed: the whole of the service's handling is in it.
            Target::Local(service) => Ok(Box::pin(service.call(request)).await?.map(Either::Right)),
        }
    }
}

/// A request to an upstream without its body.
#[derive(Clone)]
pub struct RequestHead {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub protocol: Protocol,
    /// Whether it is to become a tunnel.
    pub is_upgrade: bool,
}

impl RequestHead {
    fn into_request(self, body: Body) -> Request<Body> {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = self.method;
        parts.uri = self.uri;
        parts.headers = self.headers;
        parts.version = match self.protocol {
            Protocol::Rest => Version::HTTP_11,
            Protocol::Grpc => Version::HTTP_2,
        };
        Request::from_parts(parts, body)
    }
}
