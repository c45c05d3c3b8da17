//! Forgetting a user: nothing of theirs plays from the moment of auth's event;
//! their files and rows go in portions, as soon as the object store lets them.

use fenz_chassis::{
    Error, Result, UserId,
    database::{Txn, transact},
};
use fenz_contract::events::v1::UserDeleted;
use fenz_events::{Eraser, Portion, Refusal};

use super::{Media, store_failed};
use crate::store::{daily, removal, states};

/// Uploads that are removed at a time.
const PORTION: u64 = 20;

impl Media {
    /// Ends the life of all that the user has sent or is sending.
    pub async fn user_deleted_in_txn(&self, txn: &Txn, told: &UserDeleted) -> Result<(), Refusal> {
        self.erasures.order_in_txn(txn, told).await?;
        removal::end_of_in_txn(&**txn, UserId(told.user_id), self.clock.now()).await?;
        Ok(())
    }

    /// Removes files, and the rows of those whose files are removed.
    async fn erase_uploads(&self, user: UserId) -> Result<u64> {
        let mut removed = 0;
        for leftover in removal::find_gone_of(&self.db, user, PORTION).await? {
            self.playing.invalidate(&leftover.id).await;
            self.remove_files(&leftover).await.map_err(store_failed)?;
            self.forget(leftover.id).await?;
            removed += 1;
        }
        Ok(removed)
    }
}

#[async_trait::async_trait]
impl Eraser for Media {
    async fn erase(&self, user: UserId) -> Result<Portion> {
        let now = self.clock.now();
        // An upload may have been announced beside the order.
        transact(&self.db, async |txn: Txn| Ok(removal::end_of_in_txn(&*txn, user, now).await?)).await?;
        let removed = self.erase_uploads(user).await?;
        if removed > 0 {
            return Ok(Portion { removed, done: false });
        }
        if removal::is_ending(&self.db, user).await? {
            let running = anyhow::anyhow!("an upload of the user has not come to its end");
            return Err(Error::unavailable("an upload", running));
        }
        let removed = transact(&self.db, async |txn: Txn| {
            Ok(daily::forget_of(&*txn, user).await? + states::forget_of(&*txn, user).await?)
        });
        Ok(Portion { removed: removed.await?, done: true })
    }
}
