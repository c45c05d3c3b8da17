//! Ends a claim.

use fenz_chassis::{
    Result,
    database::{Txn, transact},
};

use super::Media;
use crate::{domain::upload::UploadId, store::claims};

impl Media {
    /// Removes what a claim holds, or only one upload of it (a video takes its
    /// frame along).
    #[tracing::instrument(name = "app.upload.release", skip(self))]
    pub async fn release(&self, claim: &str, only: Option<UploadId>) -> Result<()> {
        let now = self.clock.now();
        let leftovers =
            transact(&self.db, async |txn: Txn| Ok(claims::end_in_txn(&*txn, claim, only, now).await?)).await?;
        self.remove(leftovers).await;
        Ok(())
    }

    /// Hands back what a claim holds, for another use.
    pub async fn free(&self, claim: &str, only: Option<UploadId>) -> Result<()> {
        let now = self.clock.now();
        transact(&self.db, async |txn: Txn| Ok(claims::free(&*txn, claim, only, now).await?)).await
    }
}
