//! Calls that release uploads in media, retried until they succeed.
//!
//! Two invariants: no video loses its files, and no upload stays claimed for a video
//! that was never stored. There is no transaction across the database and media, so
//! each release is decided in a transaction that first cancels the intents of the
//! requests which could still use the uploads.

use std::{sync::Arc, time::Duration};

use fenz_core::{Clock, Result, backoff};
use fenz_database::transact;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::sync::Notify;

use crate::{
    clients::Uploads,
    store::{
        idempotency,
        pending_calls::{self, PendingCall},
        videos,
    },
};

/// Calls that are read at once.
const BATCH_SIZE: u64 = 100;
const FIRST_DELAY: Duration = Duration::from_secs(5);
const MAX_DELAY: Duration = Duration::from_secs(300);

/// Runs pending calls. Clones share the notification.
#[derive(Clone)]
pub struct PendingCalls {
    db: DatabaseConnection,
    clock: Clock,
    uploads: Uploads,
    scheduled: Arc<Notify>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Released,
    /// Nothing was released, as the uploads are in use.
    InUse,
}

impl PendingCalls {
    pub fn new(db: DatabaseConnection, clock: Clock, uploads: Uploads) -> Self {
        Self { db, clock, uploads, scheduled: Arc::default() }
    }

    /// To be called when a call was scheduled.
    pub fn notify(&self) {
        self.scheduled.notify_one();
    }

    pub async fn notified(&self) {
        self.scheduled.notified().await;
    }

    /// Runs the calls that are due, and reschedules those that fail.
    pub async fn run_due(&self) -> Result<()> {
        for call in pending_calls::due(&self.db, self.clock.now(), BATCH_SIZE).await? {
            if let Err(error) = self.run(&call).await {
                tracing::warn!(%error, video.id = call.video.0, call.id, "release in media failed; retrying");
                let attempts = call.attempts.saturating_add(1);
                let delay = backoff::delay(attempts.cast_unsigned(), FIRST_DELAY, MAX_DELAY);
                let due_at = self.clock.after(delay);
                pending_calls::reschedule(&self.db, call.id, due_at, attempts).await?;
            }
        }
        Ok(())
    }

    /// Runs the intent of a request that failed. `InUse` when another request has
    /// stored the same video meanwhile.
    pub async fn cancel(&self, intent: &PendingCall) -> Result<Outcome> {
        // Due later in case the rest fails. Not due at once, as the job would then run it
        // concurrently, and the slower of the two could release what a repeated request
        // has claimed again.
        pending_calls::reschedule(&self.db, intent.id, self.clock.after(FIRST_DELAY), 0).await?;
        self.run(intent).await
    }

    async fn run(&self, call: &PendingCall) -> Result<Outcome> {
        let outcome = transact(&self.db, |txn| async move { decide_in_txn(&*txn, call).await }).await?;
        if outcome == Outcome::Released {
            self.uploads.release(call.video, call.upload, call.keep_files).await?;
        }
        pending_calls::delete(&self.db, call.id).await?;
        Ok(outcome)
    }
}

/// Decides whether a call's uploads are released. If so, no request can use them
/// afterwards.
async fn decide_in_txn(txn: &impl ConnectionTrait, call: &PendingCall) -> Result<Outcome> {
    let in_use = match call.upload {
        Some(upload) => {
            let video = videos::lock_in_txn(txn, call.video).await?;
            pending_calls::cancel_intents_in_txn(txn, call.video, call.upload).await?;
            video.is_some_and(|video| video.thumbnail == Some(upload))
        }
        None if call.keep_files => {
            idempotency::lock_of_video_in_txn(txn, call.video).await?;
            pending_calls::cancel_intents_in_txn(txn, call.video, None).await?;
            let exists = videos::exists(txn, call.video).await?;
            if !exists {
                // The next request with the same key creates another video.
                idempotency::delete_of_video(txn, call.video).await?;
            }
            exists
        }
        // Its video is deleted.
        None => false,
    };
    Ok(if in_use { Outcome::InUse } else { Outcome::Released })
}
