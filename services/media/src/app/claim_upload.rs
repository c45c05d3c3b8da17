//! Takes an upload into use.

use fenz_chassis::{
    Error, Reason, Result, UserId,
    database::{Txn, transact},
};

use super::Media;
use crate::{
    domain::upload::{Kind, Upload, UploadId},
    store::claims,
};

/// An upload in use.
#[derive(Debug)]
pub struct Claimed {
    pub upload: Upload,
    /// The frame taken of a video.
    pub poster: Option<UploadId>,
}

impl Media {
    /// Repeating a claim answers the same.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND` also for somebody else's, `UPLOAD_ALREADY_USED`,
    /// `UNSUPPORTED_FORMAT` when it is not of the kind.
    #[tracing::instrument(name = "app.upload.claim", skip(self, owner, kind), fields(user.id = owner.0))]
    pub async fn claim(&self, id: UploadId, owner: UserId, kind: Kind, claim: &str) -> Result<Claimed> {
        let outcome =
            transact(&self.db, async |txn: Txn| Ok(claims::claim_in_txn(&*txn, id, owner, kind, claim).await?)).await?;
        match outcome {
            claims::Claimed::Yes { upload, poster } => Ok(Claimed { upload, poster }),
            claims::Claimed::ByAnother => Err(Error::new(Reason::UploadAlreadyUsed, "the upload is used already")),
            claims::Claimed::WrongKind(is) => Err(Error::new(
                Reason::UnsupportedFormat,
                format!("the upload should be {}, it is {}", kind.as_str(), is.as_str()),
            )),
            claims::Claimed::Unknown => Err(Error::new(Reason::UploadNotFound, "you have no such upload")),
        }
    }
}
