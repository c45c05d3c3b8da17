//! Deletes the memberships of deleted channels in the background. There may be a
//! million, so each batch has its own transaction, which also emits its events.

use std::time::Duration;

use fenz_core::Result;
use fenz_database::{Txn, transact};
use fenz_jobs::{Job, Options};
use serde::{Deserialize, Serialize};

use super::App;
use crate::{
    domain::{ChannelId, Membership},
    events,
    store::{channels, memberships},
};

/// Memberships per transaction; each emits an event too.
const BATCH_SIZE: u64 = 200;
/// Channels per transaction of the sweep.
const CHANNELS_PER_BATCH: u64 = 100;

/// Deletes the memberships that a deleted channel has left.
#[derive(Debug, Serialize, Deserialize)]
pub struct CleanUpChannel {
    pub channel_id: i64,
}

impl Job for CleanUpChannel {
    const KIND: &'static str = "channel.cleanup";
    /// A million memberships take minutes. An attempt that is cut short loses nothing:
    /// the next one continues with what is left.
    const TIMEOUT: Duration = Duration::from_secs(3600);
}

impl App {
    /// Cleans up after a channel once the transaction that deletes it is committed.
    pub(super) async fn enqueue_cleanup_in_txn(&self, txn: &Txn, channel: ChannelId) -> Result<()> {
        let job = CleanUpChannel { channel_id: channel.0 };
        self.jobs.enqueue_in_txn(txn, &job, Options::key(&channel.0)).await
    }

    pub async fn clean_up(&self, job: CleanUpChannel) -> Result<()> {
        while self.delete_stale_batch(ChannelId(job.channel_id)).await? > 0 {}
        Ok(())
    }

    /// Enqueues the cleanups that are missing: of channels that a release without
    /// these jobs has deleted, or whose job was given up.
    pub async fn sweep_cleanups(&self) -> Result<()> {
        let mut last = ChannelId(0);
        loop {
            let stale = memberships::channels_with_stale(&self.db, last, CHANNELS_PER_BATCH).await?;
            let Some(newest) = stale.last() else { return Ok(()) };
            last = *newest;
            transact(&self.db, |txn| {
                let stale = &stale;
                async move {
                    for channel in stale {
                        self.enqueue_cleanup_in_txn(&txn, *channel).await?;
                    }
                    Ok(())
                }
            })
            .await?;
        }
    }

    /// Deletes a batch of memberships of a deleted channel; returns their number.
    pub(super) async fn delete_stale_batch(&self, id: ChannelId) -> Result<u64> {
        let removed = self.outbox.transact(|txn| async move {
            let stale = match channels::lock_with_deleted_in_txn(&*txn, id).await? {
                Some(channel) => memberships::list_stale_in_txn(&*txn, &channel, BATCH_SIZE).await?,
                None => Vec::new(),
            };
            if stale.is_empty() {
                return Ok(0);
            }
            let now = self.clock.now();
            for membership in stale.iter().filter(|m| m.is_member()) {
                self.outbox.emit(&txn, &events::membership_changed(&Membership::ended(*membership), now)).await?;
            }
            let users: Vec<_> = stale.iter().map(|m| m.user).collect();
            Ok(memberships::remove_in_txn(&*txn, id, &users).await?)
        });
        removed.await
    }
}
