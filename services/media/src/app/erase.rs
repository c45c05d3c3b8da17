//! Erases a user: their uploads are not playable once auth's event is consumed;
//! files and rows are deleted in batches as the object store allows.

use fenz_contract::events::v1::UserDeleted;
use fenz_core::{Error, Result, UserId};
use fenz_database::{Txn, transact};
use fenz_events::{Batch, HandlerError, UserDataEraser};

use super::{Media, store_failed};
use crate::store::{playback_states, removal, usage};

/// Uploads per batch.
const BATCH_SIZE: u64 = 20;

impl Media {
    /// Removes the user's uploads, also those in progress.
    pub async fn user_deleted_in_txn(&self, txn: &Txn, event: &UserDeleted) -> Result<(), HandlerError> {
        self.erasures.request_in_txn(txn, event).await?;
        removal::remove_of_user_in_txn(&**txn, UserId(event.user_id), self.clock.now()).await?;
        Ok(())
    }

    async fn erase_uploads(&self, user: UserId) -> Result<u64> {
        let mut count = 0;
        for upload in removal::list_removed_of_user(&self.db, user, BATCH_SIZE).await? {
            self.uploads.invalidate(&upload.id).await;
            self.delete_files(&upload).await.map_err(store_failed)?;
            self.delete_row(upload.id).await?;
            count += 1;
        }
        Ok(count)
    }
}

#[async_trait::async_trait]
impl UserDataEraser for Media {
    async fn erase(&self, user: UserId) -> Result<Batch> {
        let now = self.clock.now();
        // An upload may have been inserted concurrently with the deletion.
        transact(&self.db, async |txn: Txn| Ok(removal::remove_of_user_in_txn(&*txn, user, now).await?)).await?;
        let removed = self.erase_uploads(user).await?;
        if removed > 0 {
            return Ok(Batch { removed, done: false });
        }
        if removal::has_aborting(&self.db, user).await? {
            let in_progress = anyhow::anyhow!("an upload of the user is still being aborted");
            return Err(Error::unavailable("an upload", in_progress));
        }
        let removed = transact(&self.db, async |txn: Txn| {
            Ok(usage::remove_of_user(&*txn, user).await? + playback_states::remove_of_user(&*txn, user).await?)
        });
        Ok(Batch { removed: removed.await?, done: true })
    }
}
