//! The listener: HTTP/1.1 and HTTP/2 on one port, bounded in everything a
//! stranger can send, drained when it stops.

mod linger;

use std::{
    any::Any,
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, LazyLock, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{HeaderValue, StatusCode};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use metrics::Histogram;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use tower::Service;
use tracing::Instrument;

use crate::{Error, Reason, request, settings::ServerSettings};

/// How long a client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Request headers, all together.
const MAX_HEADER_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;

/// Serves until `stop`, then lets open requests end within the drain timeout.
pub async fn serve(listener: TcpListener, service: Observed, settings: ServerSettings, stop: CancellationToken) {
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
        let service = service.clone();
        let service = service_fn(move |request| service.clone().answer(address, request).map(Ok::<_, Infallible>));
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

/// A service's router, with what every request gets around it: an id, a trace, a
/// span, a metric, and an answer even when a handler panics. One function instead
/// of layers: each layer of a router costs every request two allocations.
#[derive(Clone)]
pub struct Observed {
    service: &'static str,
    router: Router,
}

/// The route of a response, for metrics: set by whoever found it.
#[derive(Clone, Copy)]
pub struct RouteName(pub &'static str);

impl Observed {
    pub fn new(service: &'static str, router: Router) -> Self {
        Self { service, router }
    }

    async fn answer(mut self, address: SocketAddr, request: Request<Incoming>) -> Response {
        let mut request = linger::body(request);
        request.extensions_mut().insert(ConnectInfo(address));
        let context = request::Context::of(request.headers());
        let started = tokio::time::Instant::now();
        let span = tracing::debug_span!(
            "http.request",
            service = self.service,
            http.method = %request.method(),
            http.path = request.uri().path(),
            trace.id = format_args!("{:032x}", context.trace.trace_id),
            span.id = format_args!("{:016x}", context.trace.span_id),
        );
        let id = HeaderValue::from_str(&context.id);
        let work = AssertUnwindSafe(self.router.call(request).instrument(span)).catch_unwind();
        let mut response = context
            .scope(async {
                match work.await {
                    Ok(Ok(response)) => response,
                    Err(panic) => panicked(&*panic),
                }
            })
            .await;
        if let Ok(id) = id {
            response.headers_mut().insert(request::REQUEST_ID, id);
        }
        let route = response.extensions().get::<RouteName>().map_or("other", |r| r.0);
        histogram(self.service, route, response.status()).record(started.elapsed().as_secs_f64());
        response
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    Error::internal(anyhow::anyhow!("a handler panicked: {}", text.unwrap_or("?"))).into_response()
}

type Histograms = HashMap<(&'static str, &'static str, StatusCode), Histogram>;

/// The histogram of a route, looked up by its labels once.
fn histogram(service: &'static str, route: &'static str, status: StatusCode) -> Histogram {
    static KNOWN: LazyLock<RwLock<Histograms>> = LazyLock::new(RwLock::default);
    let key = (service, route, status);
    if let Some(histogram) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return histogram.clone();
    }
    let status = status.as_str().to_owned();
    let histogram = metrics::histogram!(
        "fenz_http_request_seconds", "service" => service, "route" => route, "status" => status
    );
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(key, histogram.clone());
    histogram
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
