//! Applies events of channels and accounts.

use chrono::{DateTime, Utc};
use fenz_contract::events::v1::UserDeleted;
use fenz_core::{ChannelId, Error, Reason, Result, UserId};
use fenz_database::Txn;
use fenz_events::HandlerError;
use sea_orm::ConnectionTrait;

use super::App;
use crate::{
    domain::ChannelState,
    store::{
        cascades::{Cascade, Kind},
        channels,
    },
};

impl App {
    /// Stores the state of a channel. With `deleted_at`, videos created before are
    /// deleted too, also when the event is late and the owner has a new channel.
    pub async fn channel_changed_in_txn(
        &self,
        txn: &Txn,
        state: &ChannelState,
        deleted_at: Option<DateTime<Utc>>,
    ) -> Result<()> {
        let db = txn.as_ref();
        if self.erasures.is_erased(db, state.owner).await? {
            return Ok(());
        }
        channels::upsert_in_txn(db, state).await?;
        if let Some(made_before) = deleted_at {
            let keep_until = self.clock.after(self.longest_request);
            let cascade = Cascade { kind: Kind::Channel, subject: state.id.0, made_before, keep_until };
            self.cascade_in_txn(txn, &cascade, self.clock.now()).await?;
        }
        Ok(())
    }

    /// Hides what a deleted account owns at once, and schedules its erasure.
    pub async fn user_deleted_in_txn(&self, txn: &Txn, event: &UserDeleted) -> Result<(), HandlerError> {
        self.erasures.request_in_txn(txn, event).await?;
        channels::mark_deleted_of_owner_in_txn(txn.as_ref(), UserId(event.user_id)).await?;
        Ok(())
    }

    /// # Errors
    /// `CHANNEL_NOT_FOUND` when the owner or their channel is deleted.
    pub(super) async fn require_channel(&self, db: &impl ConnectionTrait, owner: UserId) -> Result<()> {
        // A user's first channel has the user's id.
        let state = channels::find(db, ChannelId(owner.0)).await?;
        if state.is_some_and(|state| state.is_deleted) || self.erasures.is_erased(db, owner).await? {
            return Err(Error::new(Reason::ChannelNotFound, "you have no channel; make one first"));
        }
        Ok(())
    }
}
