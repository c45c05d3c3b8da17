//! Health, readiness and metrics, on a listener of their own.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, OnceLock, RwLock},
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// How long a check may take before it counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the result of all checks is answered again, whoever asks.
const CHECKED_FOR: Duration = Duration::from_secs(1);

/// How often the samples of histograms are aggregated.
const METRICS_MAINTENANCE: Duration = Duration::from_secs(5);

/// What does not answer, and why.
pub type Problems = BTreeMap<String, String>;

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
    /// The last result of the checks for [`Readiness::recent_problems`].
    checked: tokio::sync::Mutex<Option<(Instant, Problems)>>,
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
    pub async fn problems(&self) -> Problems {
        let mut problems = self.check().await;
        problems.extend(self.state());
        problems
    }

    /// The same, for callers of whom there may be many: at most one check a second.
    pub async fn recent_problems(&self) -> Problems {
        let mut checked = self.0.checked.lock().await;
        let mut problems = match checked.as_ref() {
            Some((at, problems)) if at.elapsed() < CHECKED_FOR => problems.clone(),
            _ => {
                // The time is that of the result: a check may take longer than it is used.
                let problems = self.check().await;
                checked.insert((Instant::now(), problems)).1.clone()
            }
        };
        drop(checked);
        problems.extend(self.state());
        problems
    }

    fn state(&self) -> Option<(String, String)> {
        let state = if self.0.draining.is_cancelled() {
            "is shutting down"
        } else if !self.0.started.is_cancelled() {
            "is starting"
        } else {
            return None;
        };
        Some(("process".to_owned(), state.to_owned()))
    }

    async fn check(&self) -> Problems {
        let checks = self.0.checks.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let results = futures::future::join_all(checks.into_iter().map(|(name, check)| async move {
            let result = tokio::time::timeout(CHECK_TIMEOUT, check()).await;
            (name, result.unwrap_or_else(|_| Err(anyhow::anyhow!("does not answer"))))
        }))
        .await;
        results.into_iter().filter_map(|(name, r)| Some((name, format!("{:#}", r.err()?)))).collect()
    }
}

/// `/healthz` and `/readyz` for the public, who are told which checks fail and not why.
pub fn public_routes(readiness: Readiness) -> Router {
    health_routes(readiness, |problems| problems.into_keys().collect())
}

/// `/healthz`, `/readyz` and `/metrics`.
pub fn routes(readiness: Readiness) -> Router {
    health_routes(readiness, |problems| json!(problems)).route("/metrics", get(async || recorder().render()))
}

fn health_routes(readiness: Readiness, told: fn(Problems) -> Value) -> Router {
    let ready = async move |State(readiness): State<Readiness>| {
        let problems = readiness.recent_problems().await;
        let is_ready = problems.is_empty();
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, Json(json!({"ready": is_ready, "problems": told(problems)})))
    };
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready)).with_state(readiness)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_callers_cause_one_check_and_a_stop_is_seen_at_once() {
        let (readiness, checks) = (Readiness::default(), Arc::new(AtomicUsize::new(0)));
        let counted = checks.clone();
        readiness.require("test.database", move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async { anyhow::bail!("the address db.internal refused") }
        });
        readiness.started();
        let asked = futures::future::join_all((0..50).map(|_| readiness.recent_problems())).await;
        assert!(asked.iter().all(|problems| problems["test.database"] == "the address db.internal refused"));
        assert_eq!(checks.load(Ordering::Relaxed), 1);
        readiness.drain();
        assert_eq!(readiness.recent_problems().await["process"], "is shutting down");
        readiness.problems().await;
        assert_eq!(checks.load(Ordering::Relaxed), 2, "who has to know checks anew");
        tokio::time::sleep(CHECKED_FOR).await;
        readiness.recent_problems().await;
        assert_eq!(checks.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_slow_check_gets_its_result() {
        let readiness = Readiness::default();
        readiness.require("test.database", std::future::pending::<anyhow::Result<()>>);
        readiness.started();
        let begun = tokio::time::Instant::now();
        let asked = futures::future::join_all((0..50).map(|_| readiness.recent_problems())).await;
        assert!(asked.iter().all(|problems| problems["test.database"] == "does not answer"));
        assert!(begun.elapsed() < 2 * CHECK_TIMEOUT, "{:?}", begun.elapsed());
    }
}
