//! Runs a service's jobs: claims what is due, one attempt each in a task of its own.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use chrono::{DateTime, Utc};
use fenz_chassis::Platform;
use fenz_core::{Error, Result, backoff};
use fenz_database::transact;
use futures::{FutureExt, future::BoxFuture};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    Job, Jobs, LEASE, Priority, Retries, Running, gauges,
    job_queue::Workers,
    retries::is_unavailable,
    running::RENEW,
    store::{self, Claimant, Claimed, Failure, NewRow},
};

/// How often other replicas' jobs are looked for.
const POLL: Duration = Duration::from_secs(1);
/// While the database does not answer.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Of what is stored after an attempt. If all fail, the job runs again when its lease is over.
const STORE: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(2))
    .with_max_times(6)
    .with_jitter();

type Handler = Box<dyn Fn(String, Arc<Running>) -> BoxFuture<'static, Result<()>> + Send + Sync>;

struct Kind {
    name: &'static str,
    concurrency: usize,
    timeout: Duration,
    retries: Retries,
    recurs_every: Option<Duration>,
    handler: Handler,
}

/// The handlers of a service's jobs. Start one per service.
pub struct Worker {
    jobs: Jobs,
    kinds: HashMap<&'static str, Arc<Kind>>,
}

impl Worker {
    pub fn new(jobs: &Jobs) -> Self {
        Self { jobs: jobs.clone(), kinds: HashMap::new() }
    }

    /// Runs the jobs of a kind. It fails with an error, by its timeout, or when it
    /// panics; `UNAVAILABLE` and `DEADLINE_EXCEEDED` never make it dead.
    #[must_use]
    pub fn on<J: Job, F>(self, handler: impl Fn(J, Arc<Running>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let handler: Handler = Box::new(move |payload, running| match serde_json::from_str(&payload) {
            Ok(job) => handler(job, running).boxed(),
            Err(error) => std::future::ready(Err(Error::internal(error))).boxed(),
        });
        self.with(Kind {
            name: J::KIND,
            concurrency: J::CONCURRENCY,
            timeout: J::TIMEOUT,
            retries: J::RETRIES,
            recurs_every: None,
            handler,
        })
    }

    /// Runs recurring work on one replica at a time: at each start of a replica, and
    /// so long after each run. A failure is tried again, at the next interval at the
    /// latest. A run has ten minutes.
    #[must_use]
    pub fn every<F>(self, kind: &'static str, interval: Duration, work: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.with(Kind {
            name: kind,
            concurrency: 1,
            timeout: Duration::from_secs(600),
            retries: Retries::DEFAULT,
            recurs_every: Some(interval),
            handler: Box::new(move |_, _| work().boxed()),
        })
    }

    fn with(mut self, kind: Kind) -> Self {
        let name = kind.name;
        assert!(self.kinds.insert(name, Arc::new(kind)).is_none(), "jobs of the kind {name} have two handlers");
        self
    }

    /// Starts working, until the platform stops: what runs then is interrupted and
    /// given to another replica.
    pub fn start(self, platform: &Platform) {
        gauges::start(platform, &self.jobs, self.kinds.keys().copied().collect());
        platform.shared.get::<Workers>().add(platform.service, &self.jobs.changed);
        let stop = platform.stop.clone();
        platform.spawn("jobs", async move {
            self.run(stop).await;
            Ok(())
        });
    }

    async fn run(self, stop: CancellationToken) {
        let mut free: HashMap<_, _> = self.kinds.values().map(|kind| (kind.name, kind.concurrency)).collect();
        let mut attempts = JoinSet::new();
        let (mut failures, mut has_recurring) = (0, false);
        while !stop.is_cancelled() {
            let wait = match self.claim(&free, &mut has_recurring).await {
                Ok(claimed) => {
                    failures = 0;
                    for job in claimed.jobs {
                        let Some(kind) = self.kinds.get(job.kind.as_str()) else { continue };
                        free.entry(kind.name).and_modify(|free| *free -= 1);
                        attempts.spawn(attempt(self.jobs.clone(), kind.clone(), job, stop.clone()));
                    }
                    claimed.wait
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(
                        service = self.jobs.service,
                        error = format!("{error:?}"),
                        "jobs could not be claimed"
                    );
                    backoff::delay(failures, FIRST_PAUSE, LONGEST_PAUSE)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                Some(ended) = attempts.join_next() => {
                    let others = std::iter::from_fn(|| attempts.try_join_next());
                    for kind in std::iter::once(ended).chain(others).flatten() {
                        free.entry(kind).and_modify(|free| *free += 1);
                    }
                }
                () = self.jobs.changed.notified() => {}
                () = sleep(wait) => {}
            }
        }
        // They give their jobs back.
        while attempts.join_next().await.is_some() {}
    }

    /// Claims what is due and has a free place.
    async fn claim(&self, free: &HashMap<&'static str, usize>, has_recurring: &mut bool) -> Result<Batch> {
        if !*has_recurring {
            self.enqueue_recurring().await?;
            *has_recurring = true;
        }
        let (db, now) = (&self.jobs.db, self.jobs.clock.now());
        let kinds: Vec<_> = free.iter().filter(|(_, free)| **free > 0).map(|(kind, _)| *kind).collect();
        if kinds.is_empty() || !store::is_due(db, &kinds, now).await? {
            let wait = self.until_next_due(now).await?;
            return Ok(Batch { jobs: Vec::new(), wait });
        }
        let token = &format!("{:032x}", self.jobs.random.value::<u128>());
        let jobs = transact(db, |txn| async move {
            let lease_ends = self.jobs.clock.after(LEASE);
            let claimant = Claimant { token, now, lease_ends, free: free.clone() };
            Ok(store::claim_due_in_txn(txn.as_ref(), claimant).await?)
        })
        .await?;
        // There may be more.
        let wait = if jobs.is_empty() { self.poll() } else { Duration::ZERO };
        Ok(Batch { jobs, wait })
    }

    async fn enqueue_recurring(&self) -> Result<()> {
        for kind in self.kinds.values().filter(|kind| kind.recurs_every.is_some()) {
            transact(&self.jobs.db, |txn| async move {
                let now = self.jobs.clock.now();
                let row = NewRow {
                    id: self.jobs.next_id(),
                    kind: kind.name,
                    key: "recurring".to_owned(),
                    payload: String::new(),
                    priority: Priority::Normal,
                    run_at: now,
                };
                Ok(store::recur_in_txn(txn.as_ref(), row, now).await?)
            })
            .await?;
        }
        Ok(())
    }

    /// How long nothing becomes due that was not due at a time: also not what has become
    /// due since then.
    async fn until_next_due(&self, then: DateTime<Utc>) -> Result<Duration> {
        let Some(next) = store::next_due(&self.jobs.db, then).await? else { return Ok(self.poll()) };
        let wait = (next - self.jobs.clock.now()).to_std().unwrap_or_default();
        Ok(wait.clamp(Duration::from_millis(1), self.poll()))
    }

    fn poll(&self) -> Duration {
        fenz_database::poll_interval(&self.jobs.db, POLL)
    }
}

/// What was claimed, and when to look again if nothing happens before.
struct Batch {
    jobs: Vec<Claimed>,
    wait: Duration,
}

enum Ending {
    Done,
    Failed(Error),
    /// Its lease is over or it was cancelled.
    Lost,
    /// The process stops.
    Interrupted,
}

/// Runs a job once and stores how it ended. Returns its kind, whose place is free again.
async fn attempt(jobs: Jobs, kind: Arc<Kind>, job: Claimed, stop: CancellationToken) -> &'static str {
    let (service, name) = (jobs.service, kind.name);
    let span = tracing::info_span!("job", service, kind = name, job.id = %job.id, attempt = job.attempts);
    async {
        let running = Arc::new(Running::new(jobs, &job, kind.recurs_every));
        let started = Instant::now();
        let ending = run(&kind, &running, job, &stop).await;
        metrics::histogram!("fenz_jobs_run_seconds", "service" => service, "kind" => name)
            .record(started.elapsed().as_secs_f64());
        let outcome = (|| store_ending(&kind, &running, &ending)).retry(STORE).when(|_| !stop.is_cancelled()).await;
        let outcome = outcome.unwrap_or_else(|error| {
            tracing::warn!(
                error = format!("{error:?}"),
                "the end of an attempt could not be stored; the job runs again"
            );
            "lost"
        });
        metrics::counter!("fenz_jobs_runs_total", "service" => service, "kind" => name, "outcome" => outcome)
            .increment(1);
    }
    .instrument(span)
    .await;
    name
}

async fn run(kind: &Kind, running: &Arc<Running>, job: Claimed, stop: &CancellationToken) -> Ending {
    if job.attempts > kind.retries.attempts && kind.recurs_every.is_none() {
        // No failure was stored of the last attempt: it ended with its process.
        return Ending::Failed(Error::internal(anyhow::anyhow!("its workers died")));
    }
    let work = AssertUnwindSafe((kind.handler)(job.payload, running.clone())).catch_unwind();
    tokio::select! {
        ended = timeout(kind.timeout, work) => match ended {
            Ok(Ok(Ok(()))) => Ending::Done,
            Ok(Ok(Err(error))) => Ending::Failed(error),
            Ok(Err(_)) => Ending::Failed(Error::internal(anyhow::anyhow!("its handler panicked"))),
            Err(_) => Ending::Failed(Error::internal(anyhow::anyhow!("it took longer than {:?}", kind.timeout))),
        },
        () = renew_until_lost(running) => Ending::Lost,
        () = stop.cancelled() => Ending::Interrupted,
    }
}

/// Renews the lease, and comes back when it is no longer ours.
async fn renew_until_lost(running: &Running) {
    let mut renewed = Instant::now();
    loop {
        sleep(RENEW).await;
        match running.renew().await {
            Ok(true) => renewed = Instant::now(),
            Ok(false) => return,
            // Another worker has it, as far as we know.
            Err(_) if renewed.elapsed() > LEASE => return,
            Err(error) => tracing::debug!(error = format!("{error:?}"), "a lease was not renewed"),
        }
    }
}

/// Stores the end of an attempt, and names it for the metrics.
async fn store_ending(kind: &Kind, running: &Running, ending: &Ending) -> Result<&'static str> {
    let is_ours = match ending {
        Ending::Done => return Ok(if running.complete().await? { "done" } else { "lost" }),
        Ending::Failed(error) => return fail(kind, running, error).await,
        Ending::Lost => false,
        Ending::Interrupted => running.release().await?,
    };
    if !is_ours {
        tracing::info!("the job was cancelled or is another worker's");
    }
    Ok("lost")
}

async fn fail(kind: &Kind, running: &Running, error: &Error) -> Result<&'static str> {
    let limit = kind.retries.attempts;
    let is_last = running.attempt() >= limit && !is_unavailable(error) && kind.recurs_every.is_none();
    let delay = running.retry_delay(&kind.retries).min(kind.recurs_every.unwrap_or(Duration::MAX));
    let text = describe(error);
    let failure = Failure {
        error: &text,
        at: running.now(),
        // What is unavailable never uses the last attempt up.
        attempts: running.attempt().min(if is_last { u32::MAX } else { limit.saturating_sub(1) }),
        retry_at: (!is_last).then(|| running.after(delay)),
    };
    if !running.fail(failure).await? {
        return Ok("lost");
    }
    if is_last {
        tracing::error!(error = text, "a job is dead after its last attempt; see the command `jobs`");
        return Ok("dead");
    }
    tracing::warn!(error = text, retry.seconds = delay.as_secs(), "a job failed and is tried again");
    Ok("failed")
}

/// For the operator: what the log would say.
fn describe(error: &Error) -> String {
    match &error.cause {
        Some(cause) => format!("{error}: {cause:#}"),
        None => error.to_string(),
    }
}
