//! Removes the memberships that a deleted channel leaves. Nobody sees them any
//! more; there may be a million, so they go in portions, each told in the
//! transaction that removes it.

use fenz_chassis::Result;

use super::App;
use crate::{
    domain::{ChannelId, Membership},
    events,
    store::{channels, clearings, memberships},
};

/// Memberships in one transaction: each is an event too.
const PORTION: u64 = 200;
/// Channels looked at in one turn.
const CHANNELS: u64 = 100;

impl App {
    /// Clears every channel that has something left.
    pub async fn clear_all(&self) -> Result<()> {
        loop {
            let waiting = clearings::some(&self.db, CHANNELS).await?;
            if waiting.is_empty() {
                return Ok(());
            }
            for channel in waiting {
                while self.clear_portion(channel).await? > 0 {}
            }
        }
    }

    /// Removes some of what is left; how many there were.
    pub(super) async fn clear_portion(&self, id: ChannelId) -> Result<u64> {
        let removed = self.outbox.transact(|txn| async move {
            let left = match channels::lock_any_in_txn(&*txn, id).await? {
                Some(channel) => memberships::left_over_in_txn(&*txn, &channel, PORTION).await?,
                None => Vec::new(),
            };
            if left.is_empty() {
                clearings::remove_in_txn(&*txn, id).await?;
                return Ok(0);
            }
            let now = self.clock.now();
            for membership in left.iter().filter(|m| m.is_member()) {
                self.outbox.emit(&txn, &events::membership_changed(&Membership::ended(*membership), now)).await?;
            }
            let users: Vec<_> = left.iter().map(|m| m.user).collect();
            Ok(memberships::remove_in_txn(&*txn, id, &users).await?)
        });
        removed.await
    }
}
