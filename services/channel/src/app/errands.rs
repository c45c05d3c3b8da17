//! Telling media which pictures are not used any more, until it has heard.
//!
//! What must hold: no channel loses its picture, and no upload stays claimed
//! for an edit that never came. Between the database and media there is no
//! transaction, so every release begins in one that has the channel locked and
//! sees that it does not use the picture; an edit that finds the release begun
//! does not go on.

use std::{sync::Arc, time::Duration};

use fenz_chassis::{Clock, Result, database::transact};
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

use crate::{
    clients::Uploads,
    store::{
        channels,
        errands::{self, Claim, Errand},
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
                let claim = errand.claim;
                tracing::warn!(%error, channel.id = claim.channel.0, %claim, "media could not be told; trying again");
                let attempts = errand.attempts.saturating_add(1);
                let pause = FIRST_PAUSE * 2_u32.pow(attempts.clamp(1, 8) as u32 - 1);
                errands::reschedule(&self.db, claim, self.clock.after(pause.min(LONGEST_PAUSE)), attempts).await?;
            }
        }
        Ok(())
    }

    /// Hands back what an edit has claimed that failed.
    pub async fn give_up(&self, claim: Claim) -> Result<()> {
        let due_at = self.clock.now();
        // Due at once, should the rest fail or the process end.
        errands::reschedule(&self.db, claim, due_at, 0).await?;
        self.perform(&Errand { claim, keep_files: true, attempts: 0, due_at }).await
    }

    /// Removes the files of a picture of a channel that is gone, whatever was to
    /// become of them and when.
    pub async fn remove_picture(&self, claim: Claim) -> Result<()> {
        let due_at = self.clock.now();
        errands::reschedule(&self.db, claim, due_at, 0).await?;
        self.perform(&Errand { claim, keep_files: false, attempts: 0, due_at }).await
    }

    async fn perform(&self, errand: &Errand) -> Result<()> {
        let claim = errand.claim;
        let begun = transact(&self.db, |txn| async move {
            let channel = channels::lock_in_txn(&*txn, claim.channel).await?;
            if channel.is_some_and(|channel| channel.picture(claim.picture) == Some(claim.upload)) {
                errands::remove(&*txn, claim).await?;
                return Ok(false);
            }
            Ok(errands::begin_in_txn(&*txn, claim, self.clock.now()).await?)
        });
        if begun.await? {
            self.uploads.release(claim, errand.keep_files).await?;
            errands::remove(&self.db, claim).await?;
        }
        Ok(())
    }
}
