//! The listener: HTTP/1.1 and HTTP/2 on one port, bounded in everything a
//! stranger can send, drained when it stops.

mod address_limit;
mod connection;
pub(crate) mod drain_on_drop;
mod long_lived;
mod stream_timeout;
#[cfg(test)]
mod tests;
mod write_timeout;

use std::{
    any::Any,
    collections::HashMap,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, LazyLock, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    middleware::{self, Next},
    response::Response,
};
use fenz_contract::routes::RouteTable;
use fenz_core::{Error, Random, Reason};
use futures::FutureExt;
use http::{HeaderValue, StatusCode};
use metrics::Histogram;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};
use tokio_util::sync::CancellationToken;
use tower::Service;
use tracing::Instrument;

use crate::{request, rest::error_response, settings::ServerSettings};
pub use address_limit::AddressLimit;
use connection::Protocols;
pub use long_lived::LongLived;

/// Serves until `stop`, then lets open requests end within the drain timeout. A
/// connection beyond those of its address is closed.
pub async fn serve(
    listener: TcpListener,
    service: Observed,
    settings: ServerSettings,
    addresses: AddressLimit,
    stop: CancellationToken,
) {
    let protocols = Arc::new(Protocols::new(settings.write_timeout));
    let tell = watch::Sender::new(());
    let permits = Arc::new(Semaphore::new(settings.max_connections));
    loop {
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = permits.clone().acquire_owned() => permit,
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
        let Some(place) = addresses.enter(address.ip()) else {
            metrics::counter!("fenz_connections_refused_total", "service" => service.service).increment(1);
            continue;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "nodelay not set");
        }
        let (protocols, service) = (protocols.clone(), service.clone());
        // Here, not in the task: a late subscriber misses the signal.
        let shutdown = tell.subscribe();
        tokio::spawn(async move {
            if let Err(error) = protocols.serve(stream, address, service, shutdown).await {
                tracing::debug!(error, "connection ended");
            }
            drop((permit, place));
        });
    }
    drop(listener);
    tell.send_replace(());
    if tokio::time::timeout(settings.drain_timeout, tell.closed()).await.is_err() {
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
    random: Random,
}

/// The route of a response, for metrics: set by whoever found it.
#[derive(Clone, Copy)]
pub struct RouteName(pub &'static str);

impl Observed {
    pub fn new(service: &'static str, router: Router, random: Random) -> Self {
        Self { service, router, random }
    }

    /// Answers a request from an address, as if it ran alone: a call in memory has
    /// the caller's request around it.
    pub(crate) async fn answer(mut self, address: SocketAddr, mut request: Request) -> Response {
        request.extensions_mut().insert(ConnectInfo(address));
        let context = request::Context::of(request.headers(), &self.random).at(self.service);
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
    error_response(Error::internal(anyhow::anyhow!("a handler panicked: {}", text.unwrap_or("?"))))
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

/// What an RPC gets: its name for metrics, and an end when it takes too long.
pub fn rpc(router: Router, known: Arc<RouteTable>, limit: Duration) -> Router {
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let method = known.grpc(request.uri().path());
        async move {
            let mut response = match tokio::time::timeout(limit, next.run(request)).await {
                Ok(response) => response,
                Err(_) => error_response(Error::new(Reason::DeadlineExceeded, "the request took too long")),
            };
            if let Some(method) = method {
                response.extensions_mut().insert(RouteName(method.grpc_path));
            }
            response
        }
    }))
}
