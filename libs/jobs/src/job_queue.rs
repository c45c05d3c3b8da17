//! What every service tells admin about its jobs: `JobQueueService` of the contract.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use fenz_chassis::Platform;
use fenz_contract::jobs::v1::{self as pb, JobQueueServiceHandler};
use fenz_core::{Clock, Error, Reason, Result};
use fenz_database::{DbError, snapshot, transact};
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;
use tonic::{Request, Response};

use crate::{
    JobInfo, State,
    store::{self, Summary},
};

/// Dead jobs of a reply.
const DEAD_JOBS: u64 = 100;
/// Characters of an error.
const ERROR_LENGTH: usize = 1_000;

/// The jobs of a service, as an operator sees them. `fenz_events::Database` serves
/// them to admin.
#[derive(Clone)]
pub struct JobQueue {
    service: &'static str,
    db: DatabaseConnection,
    clock: Clock,
    workers: Workers,
}

impl JobQueue {
    /// Needs the tables of [`crate::migrations`].
    pub fn new(platform: &Platform, db: &DatabaseConnection) -> Self {
        Self {
            service: platform.service,
            db: db.clone(),
            clock: platform.clock.clone(),
            workers: platform.shared.get(),
        }
    }

    /// Numbers and ages by kind and state, and the newest dead jobs.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn get(&self) -> Result<pb::JobQueue> {
        let now = self.clock.now();
        let (summaries, dead) = snapshot(&self.db, |txn| async move {
            let mut summaries = store::summarize(&*txn, now).await?;
            summaries.sort_by(|a, b| (&a.kind, a.state.as_str()).cmp(&(&b.kind, b.state.as_str())));
            Ok::<_, DbError>((summaries, store::newest_dead(&*txn, DEAD_JOBS).await?))
        })
        .await?;
        let dead_total = summaries.iter().filter(|summary| summary.state == State::Dead);
        Ok(pb::JobQueue {
            dead_total: dead_total.map(|summary| summary.count).sum(),
            counts: summaries.into_iter().map(|summary| count(summary, now)).collect(),
            dead: dead.into_iter().map(job).collect(),
        })
    }

    /// Gives a dead job its attempts again; a worker of this process takes it at once.
    ///
    /// # Errors
    /// `JOB_NOT_FOUND` if there is none or it is not dead.
    pub async fn retry(&self, id: i64) -> Result<pb::Job> {
        let retried = transact(&self.db, |txn| async move {
            if store::revive(&*txn, Some(id), self.clock.now()).await? == 0 {
                return Err(not_found());
            }
            let (workers, service) = (self.workers.clone(), self.service);
            txn.after_commit(move || workers.wake(service));
            store::find(&*txn, id).await?.ok_or_else(not_found)
        });
        retried.await.map(job)
    }
}

impl JobQueueServiceHandler for JobQueue {
    async fn get_job_queue(&self, _: Request<pb::GetJobQueueRequest>) -> Result<Response<pb::GetJobQueueResponse>> {
        Ok(Response::new(pb::GetJobQueueResponse { queue: Some(self.get().await?) }))
    }

    async fn retry_queued_job(
        &self,
        request: Request<pb::RetryQueuedJobRequest>,
    ) -> Result<Response<pb::RetryQueuedJobResponse>> {
        let job = self.retry(request.into_inner().id).await?;
        Ok(Response::new(pb::RetryQueuedJobResponse { job: Some(job) }))
    }
}

/// The workers of this process.
#[derive(Clone, Default)]
pub(crate) struct Workers(Arc<Mutex<Vec<WorkerHandle>>>);

struct WorkerHandle {
    service: &'static str,
    changed: Arc<Notify>,
}

impl Workers {
    /// Adds a worker by what wakes it.
    pub fn add(&self, service: &'static str, changed: &Arc<Notify>) {
        let worker = WorkerHandle { service, changed: changed.clone() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
    }

    fn wake(&self, service: &str) {
        let workers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for worker in workers.iter().filter(|worker| worker.service == service) {
            worker.changed.notify_one();
        }
    }
}

fn not_found() -> Error {
    Error::new(Reason::JobNotFound, "there is no such dead job")
}

fn count(summary: Summary, now: DateTime<Utc>) -> pb::JobCount {
    pb::JobCount {
        kind: summary.kind,
        state: summary.state.as_str().to_owned(),
        count: summary.count,
        oldest_age_seconds: summary.oldest.map_or(0, |since| (now - since).num_seconds()),
    }
}

fn job(info: JobInfo) -> pb::Job {
    // A job without a key of its own has its id there.
    let has_key = info.key != info.id.to_string();
    pb::Job {
        id: info.id,
        kind: info.kind,
        key: if has_key { info.key } else { String::new() },
        state: info.state.as_str().to_owned(),
        attempts: i32::try_from(info.attempts).unwrap_or(i32::MAX),
        message: info.message,
        error: info.error.chars().take(ERROR_LENGTH).collect(),
        enqueued_at: Some(info.enqueued_at.into()),
        died_at: info.died_at.map(Into::into),
    }
}
