//! Forgetting a user: their channel is out of sight with auth's event; their
//! memberships, names and pictures go in portions.

use fenz_chassis::{Result, UserId, database::Txn};
use fenz_contract::events::v1::UserDeleted;
use fenz_events::{Eraser, Portion, Refusal};

use super::App;
use crate::{
    domain::{ChannelId, Counts, Tier},
    events,
    store::{channels, errands, memberships, user_names},
};

/// Memberships elsewhere that go at a time, each with its channel locked.
const PORTION: u64 = 50;

impl App {
    /// Takes the user's channel out of sight; the rest is the eraser's.
    pub async fn user_deleted_in_txn(&self, txn: &Txn, told: &UserDeleted) -> Result<(), Refusal> {
        self.erasures.order_in_txn(txn, told).await?;
        let user = UserId(told.user_id);
        // In the order of the other handlers, so that no two wait for each other.
        user_names::hold_in_txn(&**txn, user).await?;
        user_names::remove(&**txn, user).await?;
        self.end_own_in_txn(txn, user).await?;
        Ok(())
    }

    /// Whether a user is deleted. If not, their deletion waits for the end of
    /// the transaction, and the eraser finds what it has made. To be asked before
    /// a channel is locked.
    pub(super) async fn is_erased_in_txn(&self, txn: &Txn, user: UserId) -> Result<bool> {
        user_names::hold_in_txn(&**txn, user).await?;
        let erased = self.erasures.is_erased(&**txn, user).await?;
        if erased {
            user_names::remove(&**txn, user).await?;
        }
        Ok(erased)
    }

    /// True when there was something to end.
    async fn end_own_in_txn(&self, txn: &Txn, user: UserId) -> Result<bool> {
        let Some(channel) = channels::lock_in_txn(&**txn, ChannelId(user.0)).await? else { return Ok(false) };
        self.end_in_txn(txn, channel).await?;
        Ok(true)
    }

    /// Removes a user's membership of somebody's channel, as if they had left.
    async fn forget_membership(&self, channel: ChannelId, user: UserId) -> Result<u64> {
        let _turn = self.turns.of(channel).await;
        let removed = self.outbox.transact(|txn| async move {
            let of = channels::lock_any_in_txn(&*txn, channel).await?;
            let Some(membership) = memberships::find(&*txn, channel, user).await? else { return Ok(0) };
            if membership.is_member() {
                if of.is_some_and(|of| membership.is_of(&of)) {
                    let fewer = Counts::change(membership.tier, Tier::None);
                    channels::add_counts_in_txn(&*txn, channel, fewer).await?;
                }
                let ended = events::membership_changed(&membership.ended(), self.clock.now());
                self.outbox.emit(&txn, &ended).await?;
            }
            Ok(memberships::remove_in_txn(&*txn, channel, &[user]).await?)
        });
        removed.await
    }

    /// Removes the user's last rows.
    async fn forget_rows(&self, user: UserId) -> Result<u64> {
        let removed = self.outbox.transact(|txn| async move {
            let removed = user_names::remove(&*txn, user).await?;
            Ok(removed + channels::remove_in_txn(&*txn, ChannelId(user.0)).await?)
        });
        removed.await
    }
}

#[async_trait::async_trait]
impl Eraser for App {
    async fn erase(&self, user: UserId) -> Result<Portion> {
        let own = ChannelId(user.0);
        // A registration that was handled beside the order may have made it since.
        self.outbox.transact(|txn| async move { self.end_own_in_txn(&txn, user).await }).await?;
        let mut removed = self.clear_portion(own).await?;
        for channel in memberships::any_of_user(&self.db, user, PORTION).await? {
            removed += self.forget_membership(channel, user).await?;
        }
        if removed > 0 {
            return Ok(Portion { removed, done: false });
        }
        // Media's are the files; the rows here stay until it has heard.
        for errand in errands::of_channel(&self.db, own).await? {
            self.errands.remove_picture(errand.claim).await?;
            removed += 1;
        }
        removed += self.forget_rows(user).await?;
        Ok(Portion { removed, done: true })
    }
}
