//! Looks for uploads that were interrupted, that nothing uses, or whose files
//! could not be removed. Several replicas may do so at once: every change names
//! the state it expects, and removing twice does no harm.

use std::time::Duration;

use fenz_chassis::{
    Result,
    database::{Txn, transact},
};

use super::Media;
use crate::store::{daily, removal, states};

/// How many are handled at a time.
const BATCH: u64 = 100;
/// Longer than the bus keeps events.
const DELETED_VIDEOS: Duration = Duration::from_secs(8 * 24 * 3600);

impl Media {
    /// One turn: as many batches as there is work.
    pub async fn sweep(&self) -> Result<()> {
        let now = self.clock.now();
        let silent_since = self.clock.ago(self.config.interrupted_after);
        transact(&self.db, async |txn: Txn| {
            daily::forget_old(&*txn, now).await?;
            states::forget_deleted(&*txn, self.clock.ago(DELETED_VIDEOS)).await?;
            let interrupted = removal::end_interrupted(&*txn, silent_since, now).await?;
            if interrupted > 0 {
                tracing::info!(interrupted, "interrupted uploads found");
            }
            Ok(())
        })
        .await?;
        self.end_unused().await?;
        self.remove_gone().await
    }

    async fn end_unused(&self) -> Result<()> {
        let unused_since = self.clock.ago(self.config.unused_after);
        loop {
            let unused = removal::find_unused(&self.db, unused_since, BATCH).await?;
            for id in &unused {
                let now = self.clock.now();
                transact(&self.db, async |txn: Txn| {
                    Ok(removal::end_unused_in_txn(&*txn, *id, unused_since, now).await?)
                })
                .await?;
            }
            if unused.is_empty() {
                return Ok(());
            }
        }
    }

    /// Each once in a turn: what fails now has its next try at the next turn.
    async fn remove_gone(&self) -> Result<()> {
        let mut after = None;
        loop {
            let gone = removal::find_gone(&self.db, after, BATCH).await?;
            let Some(last) = gone.last() else { return Ok(()) };
            after = Some(last.id);
            self.remove(gone).await;
        }
    }
}
