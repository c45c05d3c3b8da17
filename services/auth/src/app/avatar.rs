//! The avatar, an upload in media. It is reserved there first; the transaction that
//! stores its id emits `UserUpdated`, which confirms it and makes media remove the
//! previous one.

use fenz_chassis::uploads::{FileKind, Object, Reservation, Wanted};
use fenz_core::{Error, Result, UploadId, User, UserId};
use fenz_database::transact;

use super::{App, events};
use crate::{
    domain::{account::Account, version::Precondition},
    store::users,
};

/// The request's field with the upload.
const FIELD: &str = "uploadId";

/// Who stored an avatar: of concurrent identical requests one does, and its event
/// confirms the reservation.
enum Stored {
    ByUs,
    ByAnother,
}

impl App {
    /// Sets an uploaded image as the caller's avatar.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND`, also for another user's; `UPLOAD_ALREADY_USED`;
    /// `UNSUPPORTED_FORMAT`; `VERSION_MISMATCH`; `UNAVAILABLE` without media.
    pub async fn update_avatar(&self, caller: &User, expected: &Precondition, upload: UploadId) -> Result<Account> {
        let account = self.me(caller).await?;
        expected.check(account.version)?;
        if account.avatar_upload_id == Some(upload) {
            return Ok(account);
        }
        let mut reservation = self.uploads.begin();
        let wanted = Wanted {
            upload,
            owner: caller.id,
            kind: FileKind::Image,
            object: Object::UserId(caller.id.0),
            field: FIELD,
        };
        self.uploads.reserve(&mut reservation, wanted).await?;
        match self.store_avatar(caller.id, expected, upload, &reservation).await {
            Ok((account, Stored::ByUs)) => Ok(account),
            Ok((account, Stored::ByAnother)) => {
                self.uploads.release(reservation).await;
                Ok(account)
            }
            Err(error) => self.recover(caller.id, upload, reservation, error).await,
        }
    }

    async fn store_avatar(
        &self,
        user: UserId,
        expected: &Precondition,
        upload: UploadId,
        reservation: &Reservation,
    ) -> Result<(Account, Stored)> {
        let now = self.clock.now();
        let stored = self.outbox.transact(|txn| async move {
            let mut account = super::locked_in_txn(txn.as_ref(), user).await?;
            if account.avatar_upload_id == Some(upload) {
                return Ok((account, Stored::ByAnother));
            }
            expected.check(account.version)?;
            reservation.check()?;
            account.avatar_upload_id = Some(upload);
            super::save_in_txn(txn.as_ref(), &mut account, now).await?;
            self.outbox.emit(&txn, &events::updated(&account, now)).await?;
            Ok((account, Stored::ByUs))
        });
        stored.await
    }

    /// After a failed transaction. When the database failed, it may have committed all
    /// the same: only the row tells.
    async fn recover(&self, user: UserId, upload: UploadId, reservation: Reservation, error: Error) -> Result<Account> {
        if fenz_database::cause(&error).is_some() {
            // The lock waits for a commit that is still going on.
            let stored = transact(&self.db, |txn| async move { Ok(users::locked_in_txn(txn.as_ref(), user).await?) });
            match stored.await {
                Ok(Some(account)) if account.avatar_upload_id == Some(upload) => return Ok(account),
                Ok(_) => {}
                // Unknown: media asks when the reservation's time is over.
                Err(_) => return Err(error),
            }
        }
        self.uploads.release(reservation).await;
        Err(error)
    }

    /// Whether a user's avatar is an upload.
    pub async fn has_avatar(&self, user: UserId, upload: UploadId) -> Result<bool> {
        let account = users::by_id(&self.db, user).await?;
        Ok(account.is_some_and(|account| account.avatar_upload_id == Some(upload)))
    }
}
