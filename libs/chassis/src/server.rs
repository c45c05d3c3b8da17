//! The listener: HTTP/1.1 and HTTP/2 on one port, bounded in everything a
//! stranger can send, drained when it stops.

mod linger;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::HeaderValue;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

use crate::{Error, Reason, request, settings::ServerSettings};

/// How long a client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Request headers, all together.
const MAX_HEADER_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;

/// Serves until `stop`, then lets open requests end within the drain timeout.
pub async fn serve(listener: TcpListener, router: Router, settings: ServerSettings, stop: CancellationToken) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .max_concurrent_streams(256)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    let builder = Arc::new(builder);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(settings.max_connections));
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = places.clone().acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file handles, mostly: waiting is all that helps.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "nodelay not set");
        }
        let service = service(address, router.clone());
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(settings.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still open when the drain timeout ended");
    }
}

fn service(
    address: SocketAddr,
    router: Router,
) -> TowerToHyperService<
    impl tower::Service<Request<hyper::body::Incoming>, Response = Response, Error = std::convert::Infallible, Future: Send>
    + Clone,
> {
    TowerToHyperService::new(router.map_request(move |request: Request<hyper::body::Incoming>| {
        let mut request = linger::body(request);
        request.extensions_mut().insert(ConnectInfo(address));
        request
    }))
}

/// What every request gets: an id, a trace, a span, a metric, and an answer
/// even when a handler panics.
pub fn instrument(router: Router, service: &'static str) -> Router {
    router
        .layer(CatchPanicLayer::custom(|panic: Box<dyn std::any::Any + Send>| {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Error::internal(anyhow::anyhow!("a handler panicked: {}", text.unwrap_or("?"))).into_response()
        }))
        .layer(middleware::from_fn(move |request, next| observe(service, request, next)))
}

/// The route of a response, for metrics: set by whoever found it.
#[derive(Clone, Copy)]
pub struct RouteName(pub &'static str);

async fn observe(service: &'static str, request: Request, next: Next) -> Response {
    let context = request::Context::of(request.headers());
    let started = tokio::time::Instant::now();
    let method = request.method().clone();
    let span = tracing::info_span!(
        "http.request",
        service,
        http.method = %method,
        http.path = request.uri().path(),
        request.id = context.id,
        trace.id = format_args!("{:032x}", context.trace.trace_id),
        span.id = format_args!("{:016x}", context.trace.span_id),
    );
    let id = HeaderValue::from_str(&context.id);
    let mut response = context.scope(next.run(request).instrument(span.clone())).await;
    if let Ok(id) = id {
        response.headers_mut().insert(request::REQUEST_ID, id);
    }
    let elapsed = started.elapsed();
    let route = response.extensions().get::<RouteName>().map_or("other", |r| r.0);
    let status = response.status().as_u16().to_string();
    metrics::histogram!("fenz_http_request_seconds", "service" => service, "route" => route, "status" => status)
        .record(elapsed.as_secs_f64());
    span.in_scope(|| tracing::debug!(http.status = response.status().as_u16(), ?elapsed, "request"));
    response
}

/// Fails a request that takes too long. Not for streams of bytes.
pub fn time_limit(router: Router, limit: Duration) -> Router {
    router.layer(middleware::from_fn(move |request: Request, next: Next| async move {
        match tokio::time::timeout(limit, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Error::new(Reason::DeadlineExceeded, "the request took too long").into_response(),
        }
    }))
}
