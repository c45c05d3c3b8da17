//! Starts and ends memberships.

use fenz_core::{Caller, Error, Reason, Result, User};
use fenz_database::Txn;

use super::{App, account_deleted, channel_not_found};
use crate::{
    domain::{Channel, ChannelId, Counts, Membership, Tier},
    events,
    store::{channels, memberships},
};

impl App {
    /// Makes the caller a subscriber.
    ///
    /// # Errors
    /// `CANNOT_SUBSCRIBE_SELF`, `CHANNEL_NOT_FOUND`, `ALREADY_SUBSCRIBED`.
    pub async fn subscribe(&self, id: ChannelId, user: &User) -> Result<Membership> {
        let _guard = self.channel_locks.lock(id).await;
        // Cheap check first: clients repeat this request, and a repeat needs no
        // transaction.
        if memberships::tier(&self.db, id, user.id).await? > Tier::None {
            self.get(id, &Caller::User(user.clone())).await?;
            return Err(already_subscribed());
        }
        let membership = self.outbox.transact(|txn| async move {
            let erased = self.is_erased_in_txn(&txn, user.id).await?;
            let channel = channels::lock_in_txn(&*txn, id).await?.ok_or_else(channel_not_found)?;
            if channel.owner == user.id {
                return Err(Error::new(Reason::CannotSubscribeSelf, "this channel is your own"));
            }
            if erased {
                return Err(account_deleted());
            }
            let before = memberships::find(&*txn, id, user.id).await?;
            if before.is_some_and(|m| m.is_member() && m.belongs_to(&channel)) {
                return Err(already_subscribed());
            }
            if !channel.is_open() {
                return Err(channel_not_found());
            }
            let after = Membership::start(before, &channel, user.id, self.clock.now());
            self.store_in_txn(&txn, &channel, before, after).await?;
            Ok(after)
        });
        membership.await
    }

    /// Ends the caller's membership of any tier, also of a hidden channel.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND`, `NOT_SUBSCRIBED`.
    pub async fn unsubscribe(&self, id: ChannelId, user: &User) -> Result<Membership> {
        let _guard = self.channel_locks.lock(id).await;
        let membership = self.outbox.transact(|txn| async move {
            let channel = channels::lock_in_txn(&*txn, id).await?.ok_or_else(channel_not_found)?;
            let before = memberships::find(&*txn, id, user.id).await?;
            let Some(member) = before.filter(|m| m.is_member() && m.belongs_to(&channel)) else {
                return Err(if channel.is_visible_to(&Caller::User(user.clone())) {
                    Error::new(Reason::NotSubscribed, "you do not subscribe to this channel")
                } else {
                    channel_not_found()
                });
            };
            let after = member.ended();
            self.store_in_txn(&txn, &channel, before, after).await?;
            Ok(after)
        });
        membership.await
    }

    /// Stores a changed membership, updates the counts and emits the event.
    async fn store_in_txn(
        &self,
        txn: &Txn,
        channel: &Channel,
        before: Option<Membership>,
        after: Membership,
    ) -> Result<()> {
        memberships::store_in_txn(&**txn, before.as_ref(), &after).await?;
        // A membership of a deleted channel with this id is not in the counts.
        let from = before.filter(|m| m.belongs_to(channel)).map_or(Tier::None, |m| m.tier);
        channels::add_counts_in_txn(&**txn, after.channel, Counts::change(from, after.tier)).await?;
        self.outbox.emit(txn, &events::membership_changed(&after, self.clock.now())).await
    }
}

fn already_subscribed() -> Error {
    Error::new(Reason::AlreadySubscribed, "you subscribe to this channel already")
}
