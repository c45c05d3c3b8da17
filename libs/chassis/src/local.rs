//! Services of the same process, called in memory: the request goes to the
//! service's router without a connection in between.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, PoisonError, RwLock},
};

use axum::{body::Body, extract::Request, response::Response};
use fenz_contract::routes::HOSTS;
use futures::FutureExt;
use hyper::{body::Incoming, client, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use crate::server::{Observed, drain_on_drop};

/// The caller's address, as a service sees it.
const CALLER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// In bytes, per direction of a connection in memory.
const CONNECTION_BUFFER: usize = 64 * 1024;

/// The service is not started yet, or stopped: what a refused connection is
/// between processes.
#[derive(Debug, Clone, Copy)]
pub struct NotRunning;

impl std::fmt::Display for NotRunning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the service is not running")
    }
}

impl std::error::Error for NotRunning {}

/// The services that run in this process, by name; none unless the launcher
/// says so.
#[derive(Clone, Default)]
pub struct LocalServices(Arc<HashMap<&'static str, LocalService>>);

impl LocalServices {
    /// All services of the contract.
    pub fn all() -> Self {
        Self(Arc::new(HOSTS.iter().map(|name| (*name, LocalService::default())).collect()))
    }

    /// A service of this process, running or not.
    pub fn get(&self, service: &str) -> Option<&LocalService> {
        self.0.get(service)
    }
}

/// A service of this process. Clones are the same.
#[derive(Clone, Default)]
pub struct LocalService(Arc<RwLock<Option<Running>>>);

struct Running {
    service: Observed,
    requests: TaskTracker,
}

impl LocalService {
    /// Takes requests from now on, until the value that is returned is dropped.
    /// Of several replicas the first has them.
    pub fn publish(&self, service: Observed) -> Published {
        let requests = TaskTracker::new();
        requests.close();
        let mut running = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if running.is_none() {
            *running = Some(Running { service, requests: requests.clone() });
            return Published { service: Some(self.clone()), requests };
        }
        Published { service: None, requests }
    }

    fn running(&self) -> Result<(Observed, TaskTrackerToken), NotRunning> {
        let running = self.0.read().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map(|running| (running.service.clone(), running.requests.token())).ok_or(NotRunning)
    }

    /// Answers a request. Dropped before, the request is cancelled, as when a
    /// connection is closed.
    ///
    /// # Errors
    /// When the service does not run.
    pub async fn call(&self, request: Request<Body>) -> Result<Response, NotRunning> {
        let (service, _open) = self.running()?;
        Ok(service.answer(CALLER, request).await)
    }

    /// Answers a request that may upgrade its connection: only hyper can make
    /// one that can be upgraded, so it gets one of its own, in memory.
    ///
    /// # Errors
    /// When the service does not run, or breaks the connection.
    pub async fn call_upgradable(&self, request: Request<Body>) -> Result<Response<Incoming>, axum::BoxError> {
        let (service, open) = self.running()?;
        let (near, far) = tokio::io::duplex(CONNECTION_BUFFER);
        let answer = service_fn(move |request| {
            service.clone().answer(CALLER, drain_on_drop::body(request)).map(Ok::<_, Infallible>)
        });
        let server = http1::Builder::new().serve_connection(TokioIo::new(far), answer).with_upgrades();
        tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::debug!(%error, "connection in memory ended");
            }
            drop(open);
        });
        let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(near)).await?;
        tokio::spawn(connection.with_upgrades());
        Ok(sender.send_request(request).await?)
    }
}

/// A service that takes requests in memory.
pub struct Published {
    /// None of a further replica.
    service: Option<LocalService>,
    requests: TaskTracker,
}

impl Published {
    /// Takes no more requests, and waits until the open ones are answered.
    pub async fn drain(mut self) {
        self.unpublish();
        self.requests.wait().await;
    }

    /// What runs is dropped, not kept: its router may hold this very value.
    fn unpublish(&mut self) {
        let Some(service) = self.service.take() else { return };
        let running = service.0.write().unwrap_or_else(PoisonError::into_inner).take();
        // Outside the lock: a router's end may look for its peers.
        drop(running);
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        self.unpublish();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use axum::Router;
    use fenz_core::Random;
    use http::StatusCode;
    use tokio::{sync::Notify, time::timeout};

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn observed(router: Router) -> Observed {
        Observed::new("test", router, Random::default())
    }

    async fn status(service: &LocalService) -> Option<StatusCode> {
        service.call(Request::new(Body::empty())).await.ok().map(|response| response.status())
    }

    #[tokio::test]
    async fn a_service_answers_between_its_start_and_its_end() {
        let services = LocalServices::all();
        let service = services.get("content").unwrap();
        assert!(LocalServices::default().get("content").is_none() && services.get("nothing").is_none());
        assert_eq!(status(service).await, None);
        let published = service.publish(observed(Router::new()));
        assert_eq!(status(service).await, Some(StatusCode::NOT_FOUND));
        assert_eq!(status(services.get("auth").unwrap()).await, None);
        drop(published);
        assert_eq!(status(service).await, None);
    }

    #[tokio::test]
    async fn the_first_replica_answers_and_the_end_of_another_changes_nothing() {
        let service = LocalService::default();
        let answering = |status: StatusCode| observed(Router::new().fallback(async move || status));
        let first = service.publish(answering(StatusCode::OK));
        let second = service.publish(answering(StatusCode::IM_A_TEAPOT));
        assert_eq!(status(&service).await, Some(StatusCode::OK));
        second.drain().await;
        assert_eq!(status(&service).await, Some(StatusCode::OK));
        first.drain().await;
        assert_eq!(status(&service).await, None);
    }

    #[tokio::test]
    async fn draining_waits_for_open_requests_and_takes_no_others() {
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begins, waits) = (begun.clone(), go_on.clone());
        let answered = Arc::new(AtomicUsize::new(0));
        let count = answered.clone();
        let router = Router::new().fallback(async move || {
            begins.notify_one();
            waits.notified().await;
            count.fetch_add(1, Ordering::SeqCst);
        });
        let service = LocalService::default();
        let published = service.publish(observed(router));
        let open = tokio::spawn({
            let service = service.clone();
            async move { status(&service).await }
        });
        begun.notified().await;
        let mut draining = tokio::spawn(published.drain());
        assert!(timeout(Duration::from_millis(100), &mut draining).await.is_err());
        assert_eq!(status(&service).await, None);
        go_on.notify_one();
        timeout(SOON, draining).await.unwrap().unwrap();
        assert_eq!((open.await.unwrap(), answered.load(Ordering::SeqCst)), (Some(StatusCode::OK), 1));
    }
}
