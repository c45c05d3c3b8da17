//! One attempt of a job.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use chrono::{DateTime, Utc};
use fenz_core::{Error, Result};
use fenz_database::Txn;

use crate::{Jobs, Retries, store};

/// How long a job is another worker's after its own has died.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often a running job's lease is renewed.
pub(crate) const RENEW: Duration = Duration::from_secs(4);

/// What a handler may say and ask about its own job.
pub struct Running {
    jobs: Jobs,
    id: i64,
    /// Unique to this attempt.
    claim: String,
    attempt: u32,
    recurs_every: Option<Duration>,
    is_completed: AtomicBool,
}

impl Running {
    pub(crate) fn new(jobs: Jobs, row: &store::Claimed, recurs_every: Option<Duration>) -> Self {
        Self {
            jobs,
            id: row.id,
            claim: row.claim.clone(),
            attempt: row.attempts,
            recurs_every,
            is_completed: AtomicBool::new(false),
        }
    }

    /// 1 at first.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Completes the job with the transaction: its writes happen exactly once, even
    /// if the worker dies at any point or lost its lease.
    ///
    /// # Errors
    /// When the job was cancelled or belongs to another worker by now.
    pub async fn complete_in_txn(&self, txn: &Txn) -> Result<()> {
        if !store::complete(txn.as_ref(), self.id, &self.claim, self.next_run()).await? {
            return Err(lost());
        }
        self.is_completed.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Says how far it is, from 0 to 100, for whoever looks at the job. Not more often than
    /// each second: each is a write.
    ///
    /// # Errors
    /// When the job was cancelled or belongs to another worker by now: end the work.
    pub async fn progress(&self, percent: u8, message: &str) -> Result<()> {
        let message: String = message.chars().take(200).collect();
        let is_ours = store::set_progress(&self.jobs.db, self.id, &self.claim, percent.min(100), &message).await?;
        if is_ours { Ok(()) } else { Err(lost()) }
    }

    /// Completes it, unless the handler's transaction has. False when it is no longer
    /// ours.
    pub(crate) async fn complete(&self) -> Result<bool> {
        // A transaction that did not commit left the row as it was.
        let done = store::complete(&self.jobs.db, self.id, &self.claim, self.next_run()).await?;
        Ok(done || self.is_completed.load(Ordering::Relaxed))
    }

    /// False when it is no longer ours.
    pub(crate) async fn renew(&self) -> Result<bool> {
        Ok(store::renew(&self.jobs.db, self.id, &self.claim, self.jobs.clock.after(LEASE)).await?)
    }

    pub(crate) async fn fail(&self, failure: store::Failure<'_>) -> Result<bool> {
        Ok(store::fail(&self.jobs.db, self.id, &self.claim, failure).await?)
    }

    pub(crate) async fn release(&self) -> Result<bool> {
        Ok(store::release(&self.jobs.db, self.id, &self.claim, self.jobs.clock.now()).await?)
    }

    pub(crate) fn retry_delay(&self, retries: &Retries) -> Duration {
        retries.delay(self.attempt, &self.jobs.random)
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.jobs.clock.now()
    }

    pub(crate) fn after(&self, delay: Duration) -> DateTime<Utc> {
        self.jobs.clock.after(delay)
    }

    fn next_run(&self) -> Option<DateTime<Utc>> {
        self.recurs_every.map(|interval| self.jobs.clock.after(interval))
    }
}

fn lost() -> Error {
    Error::unavailable("the job", anyhow::anyhow!("it was cancelled or is another worker's"))
}
