//! Reserves uploads for other services' objects, until the object's event says that
//! it has them. A reservation whose time is over is settled by asking the object's
//! service: an event may be late for hours.

use std::time::Duration;

use fenz_core::{Error, Reason, Result, UserId};
use fenz_database::{Txn, transact};
use fenz_jobs::{Job, Options};
use serde::{Deserialize, Serialize};

use super::Media;
use crate::{
    domain::{
        upload::{Kind, Upload, UploadId},
        upload_use::UploadUse,
    },
    store::{
        uploads,
        uses::{self, NewReservation, ReserveOutcome, ReservedUpload},
    },
};

/// What a service is told of an upload that is reserved for it.
#[derive(Debug)]
pub struct ReserveReply {
    pub upload: Upload,
    /// Of a video.
    pub poster: Option<UploadId>,
    pub reserved_for: Duration,
}

/// What a request of another service wants.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub upload: UploadId,
    pub owner: UserId,
    pub kind: Kind,
    pub used_by: UploadUse,
    /// Of the request.
    pub reservation: i64,
}

/// Ends a reservation whose time is over.
#[derive(Debug, Serialize, Deserialize)]
pub struct SettleReservation {
    pub reservation: i64,
}

impl Job for SettleReservation {
    const KIND: &'static str = "reservation.settle";
}

impl Media {
    /// The upload of a user.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND` also for somebody else's.
    pub async fn upload_of(&self, id: UploadId, owner: UserId) -> Result<Upload> {
        uploads::find_of_owner(&self.db, id, owner).await?.ok_or_else(upload_not_found)
    }

    /// Idempotent. Waits for a video that is being processed, but not for long.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND` also for somebody else's, `UPLOAD_ALREADY_USED`,
    /// `UNSUPPORTED_FORMAT` if it is of the other kind.
    #[tracing::instrument(name = "app.upload.reserve", skip_all, fields(upload.id = %wanted.upload))]
    pub async fn reserve(&self, wanted: Wanted) -> Result<ReserveReply> {
        let Wanted { upload, owner, kind, used_by, reservation } = wanted;
        let reserved_for = self.config.reserved_for;
        if kind == Kind::Video {
            self.wait_until_processed(upload, owner).await?;
        }
        let new = NewReservation { id: reservation, upload, owner, kind, used_by, now: self.clock.now() };
        let outcome = transact(&self.db, async |txn: Txn| {
            let outcome = uses::reserve_in_txn(&*txn, new).await?;
            if matches!(outcome, ReserveOutcome::Reserved { .. }) {
                self.settle_later(&txn, reservation).await?;
            }
            Ok(outcome)
        })
        .await?;
        match outcome {
            ReserveOutcome::Reserved { upload, poster } => Ok(ReserveReply { upload, poster, reserved_for }),
            ReserveOutcome::AlreadyUsed => Err(Error::new(Reason::UploadAlreadyUsed, "the upload is used already")),
            ReserveOutcome::WrongKind(is) => Err(Error::new(
                Reason::UnsupportedFormat,
                format!("the upload should be {}, it is {}", kind.as_str(), is.as_str()),
            )),
            ReserveOutcome::NotFound => Err(upload_not_found()),
        }
    }

    /// Idempotent.
    #[tracing::instrument(name = "app.upload.release", skip(self))]
    pub async fn release(&self, reservation: i64) -> Result<()> {
        let now = self.clock.now();
        transact(&self.db, async |txn: Txn| {
            self.jobs.cancel_in_txn::<SettleReservation>(&txn, &reservation.to_string()).await?;
            Ok(uses::release_in_txn(&*txn, reservation, now).await?)
        })
        .await
    }

    async fn settle_later(&self, txn: &Txn, reservation: i64) -> Result<()> {
        let options = Options::key(&reservation).at(self.clock.after(self.config.reserved_for));
        self.jobs.enqueue_in_txn(txn, &SettleReservation { reservation }, options).await
    }

    /// Releases what its object does not have. What it has stays reserved until the
    /// object's event comes: only that says in which version the object has it.
    pub async fn settle(&self, SettleReservation { reservation }: SettleReservation) -> Result<()> {
        let mut used = false;
        for reserved in uses::of_reservation(&self.db, reservation).await? {
            let ReservedUpload { upload, object, .. } = reserved;
            // No event of the reservation's time comes any more.
            let is_confirmed = reserved.is_confirmed && reserved.reserved_at < self.clock.ago(fenz_events::RETENTION);
            if !is_confirmed && self.owners.is_used(object, upload).await? {
                used = true;
                continue;
            }
            let now = self.clock.now();
            transact(
                &self.db,
                async |txn: Txn| Ok(uses::release_upload_in_txn(&*txn, reservation, upload, now).await?),
            )
            .await?;
        }
        let now = self.clock.now();
        transact(&self.db, async |txn: Txn| {
            if used {
                return self.settle_later(&txn, reservation).await;
            }
            // Also what is left of uploads that were removed meanwhile.
            Ok(uses::release_in_txn(&*txn, reservation, now).await?)
        })
        .await
    }

    /// An object has these uploads, as of its newest event, and no others.
    pub(super) async fn object_has_in_txn(&self, txn: &Txn, object: UploadUse, ids: &[i64]) -> Result<()> {
        let ids: Vec<UploadId> = ids.iter().copied().filter(|id| *id != 0).map(UploadId).collect();
        if !ids.is_empty() {
            uses::confirm_in_txn(&**txn, object, &ids).await?;
        }
        if uses::remove_others_in_txn(&**txn, object, &ids, self.clock.now()).await? {
            self.delete_files_after(txn).await?;
        }
        Ok(())
    }

    pub(super) async fn object_deleted_in_txn(&self, txn: &Txn, object: UploadUse) -> Result<()> {
        if uses::remove_all_in_txn(&**txn, object, self.clock.now()).await? {
            self.delete_files_after(txn).await?;
        }
        Ok(())
    }
}

fn upload_not_found() -> Error {
    Error::new(Reason::UploadNotFound, "you have no such upload")
}
