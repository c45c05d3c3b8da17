//! Releases claims on uploads that no channel uses any more, with retries until
//! media has answered.
//!
//! Invariants: a picture in use is never released, and no upload stays claimed
//! for an edit that was not committed. No transaction spans the database and
//! media, so a call starts in a transaction that locks the channel and checks
//! that the picture is unused; an edit that finds its call started is aborted.

use std::{sync::Arc, time::Duration};

use fenz_core::{Clock, Result, backoff};
use fenz_database::transact;
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

use crate::{
    clients::Uploads,
    domain::PendingCall,
    store::{channels, pending_calls},
};

/// Calls read per run.
const BATCH_SIZE: u64 = 100;
const FIRST_DELAY: Duration = Duration::from_secs(5);
const MAX_DELAY: Duration = Duration::from_secs(300);

/// Runs the stored calls. Clones share the notification.
#[derive(Clone)]
pub struct PendingCalls {
    db: DatabaseConnection,
    clock: Clock,
    uploads: Uploads,
    notify: Arc<Notify>,
}

impl PendingCalls {
    pub fn new(db: DatabaseConnection, clock: Clock, uploads: Uploads) -> Self {
        Self { db, clock, uploads, notify: Arc::default() }
    }

    /// Wakes the job: a call was stored.
    pub fn notify(&self) {
        self.notify.notify_one();
    }

    pub async fn notified(&self) {
        self.notify.notified().await;
    }

    /// Runs the calls that are due; those that fail are rescheduled.
    pub async fn run_due(&self) -> Result<()> {
        for call in pending_calls::due(&self.db, self.clock.now(), BATCH_SIZE).await? {
            if let Err(error) = self.run(&call).await {
                let claim = call.claim;
                tracing::warn!(%error, channel.id = claim.channel.0, %claim, "claim not released, retrying later");
                let attempts = call.attempts.saturating_add(1);
                let delay = backoff::delay(attempts.cast_unsigned(), FIRST_DELAY, MAX_DELAY);
                let due_at = self.clock.after(delay);
                pending_calls::reschedule(&self.db, claim, due_at, attempts).await?;
            }
        }
        Ok(())
    }

    /// Runs a stored call at once. If it fails, the job retries it.
    pub async fn run_now(&self, call: PendingCall) -> Result<()> {
        pending_calls::reschedule(&self.db, call.claim, call.due_at, 0).await?;
        self.run(&call).await
    }

    async fn run(&self, call: &PendingCall) -> Result<()> {
        let claim = call.claim;
        let started = transact(&self.db, |txn| async move {
            let channel = channels::lock_in_txn(&*txn, claim.channel).await?;
            if channel.is_some_and(|channel| channel.picture(claim.picture) == Some(claim.upload)) {
                pending_calls::remove(&*txn, claim).await?;
                return Ok(false);
            }
            Ok(pending_calls::start_in_txn(&*txn, claim, self.clock.now()).await?)
        });
        if started.await? {
            self.uploads.release(claim, call.keep_files).await?;
            pending_calls::remove(&self.db, claim).await?;
        }
        Ok(())
    }
}
