//! Deletes the memberships of deleted channels in the background. There may be a
//! million, so each batch has its own transaction, which also emits its events.

use fenz_core::Result;

use super::App;
use crate::{
    domain::{ChannelId, Membership},
    events,
    store::{channel_cleanups, channels, memberships},
};

/// Memberships per transaction; each emits an event too.
const BATCH_SIZE: u64 = 200;
/// Channels read per query.
const CHANNELS_PER_QUERY: u64 = 100;

impl App {
    /// Runs until no deleted channel has memberships left.
    pub async fn run_cleanups(&self) -> Result<()> {
        loop {
            let channels = channel_cleanups::list(&self.db, CHANNELS_PER_QUERY).await?;
            if channels.is_empty() {
                return Ok(());
            }
            for channel in channels {
                while self.delete_stale_batch(channel).await? > 0 {}
            }
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
                channel_cleanups::remove_in_txn(&*txn, id).await?;
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
