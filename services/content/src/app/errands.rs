//! Telling media what is not used any more, until it has heard.
//!
//! What must hold: no video loses its files, and no upload stays claimed for a
//! video that never came. Between the database and media there is no
//! transaction, so every release is decided in one that first stops the
//! requests which could still use what is released.

use std::{sync::Arc, time::Duration};

use fenz_chassis::{Clock, Result, database::transact};
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

use crate::{
    clients::Uploads,
    store::{
        errands::{self, Errand},
        idempotency, videos,
    },
};

/// Errands looked at in one turn.
const BATCH: u64 = 100;
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Performs errands. Clones share the bell.
#[derive(Clone)]
pub struct Errands {
    db: DatabaseConnection,
    clock: Clock,
    uploads: Uploads,
    bell: Arc<Notify>,
}

/// How an errand ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Released,
    /// What it would have released is in use.
    InUse,
}

impl Errands {
    pub fn new(db: DatabaseConnection, clock: Clock, uploads: Uploads) -> Self {
        Self { db, clock, uploads, bell: Arc::default() }
    }

    /// Says that there is something to do.
    pub fn wake(&self) {
        self.bell.notify_one();
    }

    pub async fn woken(&self) {
        self.bell.notified().await;
    }

    /// Performs what is due; puts off what fails.
    pub async fn perform_due(&self) -> Result<()> {
        for errand in errands::due(&self.db, self.clock.now(), BATCH).await? {
            if let Err(error) = self.perform(&errand).await {
                tracing::warn!(%error, video.id = errand.video.0, errand.id, "media could not be told; trying again");
                let attempts = errand.attempts.saturating_add(1);
                let pause = FIRST_PAUSE * 2_u32.pow(attempts.clamp(0, 8) as u32 - 1);
                let due_at = self.clock.after(pause.min(LONGEST_PAUSE));
                errands::reschedule(&self.db, errand.id, due_at, attempts).await?;
            }
        }
        Ok(())
    }

    /// Ends an intent whose request failed. `InUse` when another request has
    /// made the same video meanwhile.
    pub async fn give_up(&self, intent: &Errand) -> Result<Outcome> {
        // Due soon, should the rest fail or the process end; not at once, for the
        // job would do the same beside us, and the slower of the two could release
        // what a repeated request has claimed again.
        errands::reschedule(&self.db, intent.id, self.clock.after(FIRST_PAUSE), 0).await?;
        self.perform(intent).await
    }

    async fn perform(&self, errand: &Errand) -> Result<Outcome> {
        let outcome = transact(&self.db, |txn| async move { decide_in_txn(&*txn, errand).await }).await?;
        if outcome == Outcome::Released {
            self.uploads.release(errand.video, errand.upload, errand.keep_files).await?;
        }
        errands::remove(&self.db, errand.id).await?;
        Ok(outcome)
    }
}

/// Decides whether an errand's uploads are to be released; when they are, no
/// request can use them afterwards.
async fn decide_in_txn(txn: &impl sea_orm::ConnectionTrait, errand: &Errand) -> Result<Outcome> {
    let in_use = match errand.upload {
        Some(upload) => {
            let video = videos::lock_in_txn(txn, errand.video).await?;
            errands::stop_intents_in_txn(txn, errand.video, errand.upload).await?;
            video.is_some_and(|video| video.thumbnail == Some(upload))
        }
        None if errand.keep_files => {
            idempotency::lock_of_video_in_txn(txn, errand.video).await?;
            errands::stop_intents_in_txn(txn, errand.video, None).await?;
            let exists = videos::exists(txn, errand.video).await?;
            if !exists {
                // The next request with the same key makes another video.
                idempotency::forget(txn, errand.video).await?;
            }
            exists
        }
        // Its video is deleted.
        None => false,
    };
    Ok(if in_use { Outcome::InUse } else { Outcome::Released })
}
