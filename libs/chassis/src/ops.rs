//! Health, readiness and metrics, on a listener of their own.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, OnceLock, RwLock},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// How long a check may take before it counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the samples of histograms are aggregated.
const METRICS_MAINTENANCE: Duration = Duration::from_secs(5);

type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>> + Send + Sync>;

/// Whether requests may come: every dependency answers and nothing drains.
/// Clones are the same; standalone has one for all services.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Default)]
struct Inner {
    checks: RwLock<BTreeMap<String, Check>>,
    /// Set once everything was built.
    started: CancellationToken,
    draining: CancellationToken,
}

impl Readiness {
    /// Adds a dependency that must answer.
    pub fn require<F>(&self, name: impl Into<String>, check: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(check()));
        self.0.checks.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(name.into(), check);
    }

    /// All parts are built; the checks decide from now on.
    pub fn started(&self) {
        self.0.started.cancel();
    }

    /// Not ready any more, for good.
    pub fn drain(&self) {
        self.0.draining.cancel();
    }

    /// Waits until everything was built.
    pub async fn until_started(&self) {
        self.0.started.cancelled().await;
    }

    /// Cancelled when readiness has gone red for good.
    pub fn draining(&self) -> CancellationToken {
        self.0.draining.clone()
    }

    /// What prevents readiness, by dependency; empty when ready.
    pub async fn problems(&self) -> BTreeMap<String, String> {
        let mut problems = BTreeMap::new();
        if self.0.draining.is_cancelled() {
            problems.insert("process".to_owned(), "is shutting down".to_owned());
        } else if !self.0.started.is_cancelled() {
            problems.insert("process".to_owned(), "is starting".to_owned());
        }
        let checks = self.0.checks.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let results = futures::future::join_all(checks.into_iter().map(|(name, check)| async move {
            let result = tokio::time::timeout(CHECK_TIMEOUT, check()).await;
            (name, result.unwrap_or_else(|_| Err(anyhow::anyhow!("does not answer"))))
        }))
        .await;
        problems.extend(results.into_iter().filter_map(|(name, r)| Some((name, format!("{:#}", r.err()?)))));
        problems
    }
}

/// `/healthz` and `/readyz`.
pub fn health_routes(readiness: Readiness) -> Router {
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready)).with_state(readiness)
}

/// `/healthz`, `/readyz` and `/metrics`.
pub fn routes(readiness: Readiness) -> Router {
    health_routes(readiness).route("/metrics", get(async || recorder().render()))
}

async fn ready(State(readiness): State<Readiness>) -> impl IntoResponse {
    let problems = readiness.problems().await;
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": problems.is_empty(), "problems": problems})))
}

/// The process's one recorder of metrics.
pub fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(
                Matcher::Suffix("_seconds".to_owned()),
                &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0],
            )
            .unwrap_or_default()
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics is set");
        }
        handle
    })
}

/// Aggregates what histograms recorded. Without it they keep every sample until
/// the metrics are scraped, which may be never.
pub async fn run_metrics_maintenance() {
    let mut ticks = tokio::time::interval(METRICS_MAINTENANCE);
    loop {
        ticks.tick().await;
        recorder().run_upkeep();
    }
}
