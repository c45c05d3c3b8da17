//! Releases a claim.

use fenz_core::Result;
use fenz_database::{Txn, transact};

use super::Media;
use crate::{domain::upload::UploadId, store::claims};

impl Media {
    /// Removes the claimed uploads, or only one of them (a video with its poster).
    #[tracing::instrument(name = "app.upload.release", skip(self))]
    pub async fn release(&self, claim: &str, only: Option<UploadId>) -> Result<()> {
        let now = self.clock.now();
        let removed =
            transact(&self.db, async |txn: Txn| Ok(claims::remove_in_txn(&*txn, claim, only, now).await?)).await?;
        self.delete_uploads(removed).await;
        Ok(())
    }

    /// Releases the claim and keeps the uploads for another claim.
    pub async fn unclaim(&self, claim: &str, only: Option<UploadId>) -> Result<()> {
        let now = self.clock.now();
        transact(&self.db, async |txn: Txn| Ok(claims::unclaim(&*txn, claim, only, now).await?)).await
    }
}
