//! The avatar, an upload in media. The change spans two services, so its
//! compensation is stored first as a pending call that releases the claim. A
//! release starts only while the account is locked and has another avatar: of
//! two identical concurrent requests, neither must undo the other.

use std::time::Duration;

use fenz_chassis::status;
use fenz_contract::media::v1::{ClaimUploadRequest, ReleaseClaimRequest};
use fenz_core::{Error, Reason, Result, UploadId, User, UserId};
use fenz_database::transact;
use sea_orm::ConnectionTrait;

use super::App;
use crate::{
    domain::{account::Account, version::Precondition},
    store::{
        pending_calls::{self, PendingCall},
        users,
    },
};

/// How long a change may take before it is compensated.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(600);
const BATCH_SIZE: u64 = 20;

/// The prefix of a user's claims.
pub fn claim_prefix(user: UserId) -> String {
    format!("user/{user}/avatar/")
}

pub fn claim(user: UserId, upload: UploadId) -> String {
    format!("{}{upload}", claim_prefix(user))
}

fn parse_claim(claim: &str) -> Option<(UserId, UploadId)> {
    let (user, upload) = claim.strip_prefix("user/")?.split_once("/avatar/")?;
    Some((UserId(user.parse().ok()?), UploadId(upload.parse().ok()?)))
}

impl App {
    /// Sets an uploaded image as the caller's avatar and releases the previous
    /// one.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND`, also for another user's; `UPLOAD_ALREADY_USED`;
    /// `VERSION_MISMATCH`; `UNAVAILABLE` without media.
    pub async fn update_avatar(&self, caller: &User, expected: &Precondition, upload: UploadId) -> Result<Account> {
        let account = self.me(caller).await?;
        expected.check(account.version)?;
        if account.avatar_upload_id == Some(upload) {
            return Ok(account);
        }
        let claim = claim(caller.id, upload);
        self.schedule_compensation(caller.id, &claim).await?;
        if let Err(error) = self.claim_upload(caller.id, upload, &claim).await {
            if matches!(error.reason, Reason::UploadNotFound | Reason::UploadAlreadyUsed) {
                pending_calls::cancel(&self.db, &claim).await?;
            }
            return Err(error);
        }
        self.store_avatar(caller.id, expected, upload, &claim).await
    }

    /// Schedules the release of the claim, in case the change is not completed.
    async fn schedule_compensation(&self, user: UserId, claim: &str) -> Result<()> {
        let due_at = self.clock.after(CHANGE_TIMEOUT);
        let release = PendingCall { claim: claim.to_owned(), keep_files: true, due_at };
        let scheduled = transact(&self.db, |txn| {
            let release = &release;
            async move {
                // A concurrently deleted account must leave no rows.
                super::locked_in_txn(txn.as_ref(), user).await?;
                Ok(pending_calls::schedule_in_txn(txn.as_ref(), release).await?)
            }
        });
        if scheduled.await? { Ok(()) } else { Err(release_in_progress()) }
    }

    async fn claim_upload(&self, owner: UserId, upload: UploadId, claim: &str) -> Result<()> {
        let mut media = self
            .media
            .clone()
            .ok_or_else(|| Error::unavailable("the media service", anyhow::anyhow!("FENZ_PEERS__MEDIA is not set")))?;
        let request = ClaimUploadRequest {
            upload_id: upload.0,
            owner_id: owner.0,
            kind: "image".to_owned(),
            claim: claim.to_owned(),
        };
        media.claim_upload(request).await.map_err(status::into_error)?;
        Ok(())
    }

    async fn store_avatar(
        &self,
        user: UserId,
        expected: &Precondition,
        upload: UploadId,
        claimed: &str,
    ) -> Result<Account> {
        let now = self.clock.now();
        let stored = transact(&self.db, |txn| async move {
            let mut account = super::locked_in_txn(txn.as_ref(), user).await?;
            if account.avatar_upload_id == Some(upload) {
                // A concurrent identical request has stored it.
                pending_calls::cancel(txn.as_ref(), claimed).await?;
                return Ok(account);
            }
            expected.check(account.version)?;
            if !pending_calls::cancel(txn.as_ref(), claimed).await? {
                return Err(release_in_progress());
            }
            if let Some(old) = account.avatar_upload_id {
                let release = PendingCall { claim: claim(user, old), keep_files: false, due_at: now };
                // If one has started already, it has the same effect.
                pending_calls::schedule_in_txn(txn.as_ref(), &release).await?;
            }
            account.avatar_upload_id = Some(upload);
            super::save_in_txn(txn.as_ref(), &mut account, now).await?;
            Ok(account)
        });
        stored.await
    }

    /// Runs the pending calls that are due.
    ///
    /// # Errors
    /// When media or the database does not answer; the rest stays pending.
    pub async fn run_due_calls(&self) -> anyhow::Result<()> {
        if self.media.is_none() {
            return Ok(());
        }
        for call in pending_calls::due(&self.db, self.clock.now(), BATCH_SIZE).await? {
            self.run_call(&call).await?;
        }
        Ok(())
    }

    /// Releases a claim. Without media there are none.
    pub(super) async fn run_call(&self, call: &PendingCall) -> Result<()> {
        let started = transact(&self.db, |txn| async move {
            if is_in_use(txn.as_ref(), &call.claim).await? {
                pending_calls::delete(txn.as_ref(), &call.claim).await?;
                return Ok(false);
            }
            Ok(pending_calls::mark_started(txn.as_ref(), &call.claim, self.clock.now()).await?)
        });
        if !started.await? {
            return Ok(());
        }
        if let Some(media) = &self.media {
            let request = ReleaseClaimRequest { claim: call.claim.clone(), upload_id: 0, keep_files: call.keep_files };
            media.clone().release_claim(request).await.map_err(status::into_error)?;
        }
        Ok(pending_calls::delete(&self.db, &call.claim).await?)
    }
}

/// Whether a claim is on the current avatar of its account, which stays locked
/// until the transaction ends.
async fn is_in_use(txn: &impl ConnectionTrait, claim: &str) -> Result<bool> {
    let Some((user, upload)) = parse_claim(claim) else { return Ok(false) };
    let account = users::locked_in_txn(txn, user).await?;
    Ok(account.is_some_and(|account| account.avatar_upload_id == Some(upload)))
}

fn release_in_progress() -> Error {
    Error::unavailable("the avatar", anyhow::anyhow!("the upload is being released"))
}
