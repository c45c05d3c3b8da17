//! Removes interrupted and unused uploads. A sweep may run beside another: every
//! update checks the state it expects, and deleting is idempotent.

use fenz_core::Result;
use fenz_database::{Txn, transact};

use super::Media;
use crate::store::{playback_states, removal, usage};

/// Uploads per query.
const BATCH_SIZE: u64 = 100;

impl Media {
    /// Runs until there is nothing left to do.
    pub async fn sweep(&self) -> Result<()> {
        let now = self.clock.now();
        let last_heartbeat = self.clock.ago(self.config.interrupted_after);
        transact(&self.db, async |txn: Txn| {
            usage::remove_old(&*txn, now).await?;
            playback_states::remove_deleted_videos(&*txn, self.clock.ago(fenz_events::RETENTION)).await?;
            let interrupted = removal::remove_interrupted(&*txn, last_heartbeat, now).await?;
            if interrupted > 0 {
                tracing::info!(interrupted, "interrupted uploads removed");
            }
            Ok(())
        })
        .await?;
        self.remove_unused().await?;
        // Also what a failed upload could not delete itself.
        self.delete_removed().await
    }

    async fn remove_unused(&self) -> Result<()> {
        let unused_since = self.clock.ago(self.config.unused_after);
        loop {
            let unused = removal::list_unused(&self.db, unused_since, BATCH_SIZE).await?;
            for id in &unused {
                let now = self.clock.now();
                transact(&self.db, async |txn: Txn| {
                    Ok(removal::remove_unused_in_txn(&*txn, *id, unused_since, now).await?)
                })
                .await?;
            }
            if unused.is_empty() {
                return Ok(());
            }
        }
    }
}
