//! Claims an upload for another service's entity.

use fenz_core::{Error, Reason, Result, UserId};
use fenz_database::{Txn, transact};

use super::Media;
use crate::{
    domain::upload::{Kind, Upload, UploadId},
    store::claims::{self, ClaimOutcome},
};

#[derive(Debug)]
pub struct ClaimedUpload {
    pub upload: Upload,
    /// Of a video.
    pub poster: Option<UploadId>,
}

impl Media {
    /// Idempotent.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND` also for somebody else's, `UPLOAD_ALREADY_USED`,
    /// `UNSUPPORTED_FORMAT` if it is of the other kind.
    #[tracing::instrument(name = "app.upload.claim", skip(self, owner, kind), fields(user.id = owner.0))]
    pub async fn claim(&self, id: UploadId, owner: UserId, kind: Kind, claim: &str) -> Result<ClaimedUpload> {
        let outcome =
            transact(&self.db, async |txn: Txn| Ok(claims::claim_in_txn(&*txn, id, owner, kind, claim).await?)).await?;
        match outcome {
            ClaimOutcome::Claimed { upload, poster } => Ok(ClaimedUpload { upload, poster }),
            ClaimOutcome::AlreadyClaimed => Err(Error::new(Reason::UploadAlreadyUsed, "the upload is used already")),
            ClaimOutcome::WrongKind(is) => Err(Error::new(
                Reason::UnsupportedFormat,
                format!("the upload should be {}, it is {}", kind.as_str(), is.as_str()),
            )),
            ClaimOutcome::NotFound => Err(Error::new(Reason::UploadNotFound, "you have no such upload")),
        }
    }
}
