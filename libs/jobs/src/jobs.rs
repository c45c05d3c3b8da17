//! Enqueueing, and what an operator sees and does.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use fenz_chassis::Platform;
use fenz_core::{Clock, Error, IdGenerator, Random, Result};
use fenz_database::{Txn, transact};
use sea_orm::DatabaseConnection;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Notify;

use crate::{
    retries::Retries,
    store::{self, NewRow},
};

/// A kind of job: its payload, and how it is run. The payload is stored as JSON and
/// read by later releases.
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// `<what>.<verb>`, unique in the service, 64 characters at most. Kept for ever:
    /// rows carry it.
    const KIND: &'static str;
    /// Jobs of this kind that one replica runs at once.
    const CONCURRENCY: usize = 4;
    /// How long one attempt may take.
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);
    const RETRIES: Retries = Retries::DEFAULT;
}

/// Which of the jobs that are due run first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    High,
    #[default]
    Normal,
    Low,
}

/// How a job is enqueued. By default it runs at once, beside others of its kind.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// At most 128 characters. While a job of the kind with this key waits or is
    /// dead, another is the same one, with the newer payload and the earlier time;
    /// while it runs, it runs once more afterwards.
    pub key: Option<String>,
    /// The earliest time; now if none.
    pub run_at: Option<DateTime<Utc>>,
    pub priority: Priority,
}

impl Options {
    #[must_use]
    pub fn key(key: &impl ToString) -> Self {
        Self { key: Some(key.to_string()), ..Self::default() }
    }

    #[must_use]
    pub fn at(self, run_at: DateTime<Utc>) -> Self {
        Self { run_at: Some(run_at), ..self }
    }
}

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    Waiting,
    Running,
    /// It failed too often and is an operator's.
    Dead,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Dead => "dead",
        }
    }
}

/// A job as an operator sees it.
#[derive(Clone, Debug)]
pub struct JobInfo {
    pub id: i64,
    pub kind: String,
    pub key: String,
    pub state: State,
    /// JSON.
    pub payload: String,
    /// Attempts since it was enqueued.
    pub attempts: u32,
    /// From 0 to 100, of the current attempt.
    pub progress: u8,
    /// What it said last about its progress.
    pub message: String,
    /// Of the last failure; empty if none.
    pub error: String,
    pub enqueued_at: DateTime<Utc>,
    /// Of a dead job: when its last attempt failed, if that is known.
    pub died_at: Option<DateTime<Utc>>,
}

/// The jobs of a service. Clones share their state.
#[derive(Clone)]
pub struct Jobs {
    pub(crate) service: &'static str,
    pub(crate) db: DatabaseConnection,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    ids: IdGenerator,
    /// A transaction that enqueued or cancelled was committed.
    pub(crate) changed: Arc<Notify>,
}

impl Jobs {
    /// Needs the tables of [`crate::migrations`].
    pub fn new(platform: &Platform, db: &DatabaseConnection) -> Self {
        Self {
            service: platform.service,
            db: db.clone(),
            clock: platform.clock.clone(),
            random: platform.random.clone(),
            ids: platform.ids.clone(),
            changed: Arc::default(),
        }
    }

    /// Enqueues a job, if the transaction commits.
    ///
    /// # Errors
    /// When the database does not answer, or the payload is no JSON.
    pub async fn enqueue_in_txn<J: Job>(&self, txn: &Txn, job: &J, options: Options) -> Result<()> {
        let (id, now) = (self.ids.next(), self.clock.now());
        let row = NewRow {
            id,
            kind: J::KIND,
            key: options.key.unwrap_or_else(|| id.to_string()),
            payload: serde_json::to_string(job).map_err(Error::internal)?,
            priority: options.priority,
            run_at: options.run_at.unwrap_or(now),
        };
        store::enqueue_in_txn(txn.as_ref(), row, now).await?;
        self.notify_after(txn);
        Ok(())
    }

    /// Takes a job back, if the transaction commits. One that runs is interrupted
    /// within seconds, and its work is not committed by `complete_in_txn`. Whether
    /// there was one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn cancel_in_txn<J: Job>(&self, txn: &Txn, key: &str) -> Result<bool> {
        let cancelled = store::delete_by_key(txn.as_ref(), J::KIND, key).await?;
        self.notify_after(txn);
        Ok(cancelled)
    }

    /// The job of a kind with a key; none when it is done.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find<J: Job>(&self, key: &str) -> Result<Option<JobInfo>> {
        Ok(store::find_by_key(&self.db, J::KIND, key).await?)
    }

    /// The jobs in a state, the oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(db: &DatabaseConnection, state: State, limit: u64) -> Result<Vec<JobInfo>> {
        Ok(store::list(db, state, limit).await?)
    }

    /// Gives a dead job, or all of them, their attempts again. How many there were.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn retry_dead(db: &DatabaseConnection, clock: &Clock, only: Option<i64>) -> Result<u64> {
        transact(db, |txn| async move { Ok(store::revive(txn.as_ref(), only, clock.now()).await?) }).await
    }

    pub(crate) fn next_id(&self) -> i64 {
        self.ids.next()
    }

    fn notify_after(&self, txn: &Txn) {
        let changed = self.changed.clone();
        txn.after_commit(move || changed.notify_one());
    }
}
