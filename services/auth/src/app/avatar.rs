//! The avatar, whose picture media keeps. The change crosses two services, so
//! it is written down first what to undo if it stops half way. A release begins
//! with the account locked and its avatar another: the same change, asked for
//! twice at once, must not undo itself.

use std::time::Duration;

use fenz_chassis::{Error, Reason, Result, User, UserId, database::transact};
use fenz_contract::media::v1::{ClaimUploadRequest, ReleaseClaimRequest};
use sea_orm::ConnectionTrait;

use super::App;
use crate::{
    domain::{account::Account, version::Precondition},
    store::{
        errands::{self, Errand},
        users,
    },
};

/// How long a change may take before it counts as stopped half way.
const UNDONE_AFTER: Duration = Duration::from_secs(600);
/// Errands done in one go.
const AT_ONCE: u64 = 20;

/// What all claims of a user's begin with.
pub fn claims(user: UserId) -> String {
    format!("user/{user}/avatar/")
}

pub fn claim(user: UserId, upload: i64) -> String {
    format!("{}{upload}", claims(user))
}

/// Whose avatar a claim is for, and which upload it is on.
fn parts(claim: &str) -> Option<(UserId, i64)> {
    let (user, upload) = claim.strip_prefix("user/")?.split_once("/avatar/")?;
    Some((UserId(user.parse().ok()?), upload.parse().ok()?))
}

impl App {
    /// Takes an uploaded image as the caller's avatar; the one before is
    /// released.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND`, also for somebody else's; `UPLOAD_ALREADY_USED`;
    /// `VERSION_MISMATCH`; `UNAVAILABLE` without media.
    pub async fn update_avatar(&self, caller: &User, expected: &Precondition, upload: i64) -> Result<Account> {
        let account = self.me(caller).await?;
        expected.check(account.version)?;
        if account.avatar_upload_id == Some(upload) {
            return Ok(account);
        }
        let claim = claim(caller.id, upload);
        self.note_intent(caller.id, &claim).await?;
        if let Err(error) = self.claim_upload(caller.id, upload, &claim).await {
            if matches!(error.reason, Reason::UploadNotFound | Reason::UploadAlreadyUsed) {
                errands::call_off(&self.db, &claim).await?;
            }
            return Err(error);
        }
        self.store_avatar(caller.id, expected, upload, &claim).await
    }

    /// Writes down that the claim is to be released, unless all goes well.
    async fn note_intent(&self, user: UserId, claim: &str) -> Result<()> {
        let undo = Errand { claim: claim.to_owned(), keep_files: true, due_at: self.clock.after(UNDONE_AFTER) };
        let noted = transact(&self.db, |txn| {
            let undo = &undo;
            async move {
                // Not for one that is just deleted: nothing of theirs comes late.
                super::locked_in_txn(txn.as_ref(), user).await?;
                Ok(errands::put_in_txn(txn.as_ref(), undo).await?)
            }
        });
        if noted.await? { Ok(()) } else { Err(in_the_way()) }
    }

    async fn claim_upload(&self, owner: UserId, upload: i64, claim: &str) -> Result<()> {
        let mut media = self
            .media
            .clone()
            .ok_or_else(|| Error::unavailable("the media service", anyhow::anyhow!("FENZ_PEERS__MEDIA is not set")))?;
        let request = ClaimUploadRequest {
            upload_id: upload,
            owner_id: owner.0,
            kind: "image".to_owned(),
            claim: claim.to_owned(),
        };
        media.claim_upload(request).await?;
        Ok(())
    }

    async fn store_avatar(&self, user: UserId, expected: &Precondition, upload: i64, claimed: &str) -> Result<Account> {
        let now = self.clock.now();
        let stored = transact(&self.db, |txn| async move {
            let mut account = super::locked_in_txn(txn.as_ref(), user).await?;
            if account.avatar_upload_id == Some(upload) {
                // A twin of this request was faster.
                errands::call_off(txn.as_ref(), claimed).await?;
                return Ok(account);
            }
            expected.check(account.version)?;
            if !errands::call_off(txn.as_ref(), claimed).await? {
                return Err(in_the_way());
            }
            if let Some(old) = account.avatar_upload_id {
                let release = Errand { claim: claim(user, old), keep_files: false, due_at: now };
                // One that is under way already does the same.
                errands::put_in_txn(txn.as_ref(), &release).await?;
            }
            account.avatar_upload_id = Some(upload);
            super::save_in_txn(txn.as_ref(), &mut account, now).await?;
            Ok(account)
        });
        stored.await
    }

    /// Tells media which claims it may release.
    ///
    /// # Errors
    /// When media or the database does not answer; the rest waits.
    pub async fn run_errands(&self) -> anyhow::Result<()> {
        let due = errands::due(&self.db, self.clock.now(), AT_ONCE).await?;
        if self.media.is_none() {
            return Ok(());
        }
        for errand in due {
            self.perform(&errand).await?;
        }
        Ok(())
    }

    /// Has media release a claim. Without media there are none.
    pub(super) async fn perform(&self, errand: &Errand) -> Result<()> {
        let begun = transact(&self.db, |txn| async move {
            if is_in_use(txn.as_ref(), &errand.claim).await? {
                errands::done(txn.as_ref(), &errand.claim).await?;
                return Ok(false);
            }
            Ok(errands::begin(txn.as_ref(), &errand.claim, self.clock.now()).await?)
        });
        if !begun.await? {
            return Ok(());
        }
        if let Some(media) = &self.media {
            let request =
                ReleaseClaimRequest { claim: errand.claim.clone(), upload_id: 0, keep_files: errand.keep_files };
            media.clone().release_claim(request).await?;
        }
        Ok(errands::done(&self.db, &errand.claim).await?)
    }
}

/// Whether a claim holds the avatar that its account has; it has it until the
/// transaction ends.
async fn is_in_use(txn: &impl ConnectionTrait, claim: &str) -> Result<bool> {
    let Some((user, upload)) = parts(claim) else { return Ok(false) };
    let account = users::locked_in_txn(txn, user).await?;
    Ok(account.is_some_and(|account| account.avatar_upload_id == Some(upload)))
}

fn in_the_way() -> Error {
    Error::unavailable("the avatar", anyhow::anyhow!("the upload is just being released"))
}
