//! Erases a user: their channel is deleted when auth's event is consumed; their
//! memberships and names follow in batches. Media erases the pictures.

use fenz_contract::events::v1::UserDeleted;
use fenz_core::{Result, UserId};
use fenz_database::Txn;
use fenz_events::{Batch, HandlerError, UserDataEraser};

use super::App;
use crate::{
    domain::{ChannelId, Counts, Tier},
    events,
    store::{channels, memberships, user_names},
};

/// Memberships of other channels per batch; each locks its channel.
const BATCH_SIZE: u64 = 50;

impl App {
    /// Deletes the user's channel and schedules the erasure of the rest.
    pub async fn user_deleted_in_txn(&self, txn: &Txn, event: &UserDeleted) -> Result<(), HandlerError> {
        self.erasures.request_in_txn(txn, event).await?;
        let user = UserId(event.user_id);
        // Locks in the order of the other handlers, so that there is no deadlock.
        user_names::lock_in_txn(&**txn, user).await?;
        user_names::remove(&**txn, user).await?;
        self.delete_channel_of_in_txn(txn, user).await?;
        Ok(())
    }

    /// Whether a user is deleted. If not, their deletion waits for this
    /// transaction and then erases what it has written. Must come before a
    /// channel is locked.
    pub(super) async fn is_erased_in_txn(&self, txn: &Txn, user: UserId) -> Result<bool> {
        user_names::lock_in_txn(&**txn, user).await?;
        let erased = self.erasures.is_erased(&**txn, user).await?;
        if erased {
            user_names::remove(&**txn, user).await?;
        }
        Ok(erased)
    }

    async fn delete_channel_of_in_txn(&self, txn: &Txn, user: UserId) -> Result<()> {
        match channels::lock_in_txn(&**txn, ChannelId(user.0)).await? {
            Some(channel) => self.delete_in_txn(txn, channel).await,
            None => Ok(()),
        }
    }

    /// Deletes a user's membership of somebody's channel, as if they had
    /// unsubscribed.
    async fn erase_membership(&self, channel: ChannelId, user: UserId) -> Result<u64> {
        let _guard = self.channel_locks.lock(channel).await;
        let removed = self.outbox.transact(|txn| async move {
            let of = channels::lock_with_deleted_in_txn(&*txn, channel).await?;
            let Some(membership) = memberships::find(&*txn, channel, user).await? else { return Ok(0) };
            if membership.is_member() {
                if of.is_some_and(|of| membership.belongs_to(&of)) {
                    let decrement = Counts::change(membership.tier, Tier::None);
                    channels::add_counts_in_txn(&*txn, channel, decrement).await?;
                }
                let ended = events::membership_changed(&membership.ended(), self.clock.now());
                self.outbox.emit(&txn, &ended).await?;
            }
            Ok(memberships::remove_in_txn(&*txn, channel, &[user]).await?)
        });
        removed.await
    }

    /// Deletes the user's last rows.
    async fn erase_rows(&self, user: UserId) -> Result<u64> {
        let removed = self.outbox.transact(|txn| async move {
            let removed = user_names::remove(&*txn, user).await?;
            Ok(removed + channels::remove_in_txn(&*txn, ChannelId(user.0)).await?)
        });
        removed.await
    }
}

#[async_trait::async_trait]
impl UserDataEraser for App {
    async fn erase(&self, user: UserId) -> Result<Batch> {
        let own = ChannelId(user.0);
        // A registration handled concurrently may have created it since.
        self.outbox.transact(|txn| async move { self.delete_channel_of_in_txn(&txn, user).await }).await?;
        let mut removed = self.delete_stale_batch(own).await?;
        for channel in memberships::all_channels_of_user(&self.db, user, BATCH_SIZE).await? {
            removed += self.erase_membership(channel, user).await?;
        }
        if removed > 0 {
            return Ok(Batch { removed, done: false });
        }
        removed += self.erase_rows(user).await?;
        Ok(Batch { removed, done: true })
    }
}
