//! What channels and accounts that change do to videos.

use chrono::{DateTime, Utc};
use fenz_chassis::{Error, Reason, Result, UserId, database::Txn};
use fenz_contract::events::v1::UserDeleted;
use fenz_events::Refusal;
use sea_orm::ConnectionTrait;

use super::App;
use crate::{
    domain::ChannelState,
    store::{
        channels,
        sweeps::{self, Kind, Sweep},
    },
};

impl App {
    /// A channel was made, edited, hidden or restored; or deleted, and then
    /// `deleted_at` is when: its videos from before are deleted too. That holds
    /// also where the news comes late and a new channel is there.
    pub async fn channel_changed_in_txn(
        &self,
        txn: &Txn,
        state: &ChannelState,
        deleted_at: Option<DateTime<Utc>>,
    ) -> Result<()> {
        let db = txn.as_ref();
        if self.erasures.is_erased(db, UserId(state.owner_id)).await? {
            return Ok(());
        }
        channels::apply_in_txn(db, state).await?;
        if let Some(made_before) = deleted_at {
            let keep_until = self.clock.after(self.config.claim_timeout);
            let sweep = Sweep { kind: Kind::Channel, subject: state.id, made_before, keep_until };
            sweeps::order_in_txn(db, &sweep).await?;
            self.sweeps.wake();
        }
        Ok(())
    }

    /// An account is gone: what is theirs is out of sight at once, and removed
    /// soon after.
    pub async fn user_deleted_in_txn(&self, txn: &Txn, told: &UserDeleted) -> Result<(), Refusal> {
        self.erasures.order_in_txn(txn, told).await?;
        channels::close_of_owner_in_txn(txn.as_ref(), UserId(told.user_id)).await?;
        Ok(())
    }

    /// # Errors
    /// `CHANNEL_NOT_FOUND` for users who deleted theirs, or are deleted.
    pub(super) async fn require_channel(&self, db: &impl ConnectionTrait, owner: UserId) -> Result<()> {
        // A user's first channel has the user's id.
        let state = channels::find(db, owner.0).await?;
        if state.is_some_and(|state| state.is_deleted) || self.erasures.is_erased(db, owner).await? {
            return Err(Error::new(Reason::ChannelNotFound, "you have no channel; make one first"));
        }
        Ok(())
    }
}
