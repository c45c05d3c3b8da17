//! Applies auth's user events: every user has a channel, names, and may be
//! hidden.

use chrono::{DateTime, Utc};
use fenz_core::{Result, UserId};
use fenz_database::Txn;

use super::App;
use crate::{
    domain::{Channel, ChannelId, UserUpdate},
    store::{channels, user_names},
};

impl App {
    /// Creates a new user's channel unless they have, or had, one.
    pub async fn user_registered_in_txn(
        &self,
        txn: &Txn,
        user: UserId,
        update: &UserUpdate,
        at: DateTime<Utc>,
    ) -> Result<()> {
        if self.is_erased_in_txn(txn, user).await? {
            return Ok(());
        }
        user_names::upsert_newer_in_txn(&**txn, user, update).await?;
        if channels::lock_with_deleted_in_txn(&**txn, ChannelId(user.0)).await?.is_some() {
            return Ok(());
        }
        let mut channel = Channel::new(user, update.names.default_channel_name(), at);
        // The event that hides them may have been consumed first.
        channel.hidden = channel.hidden.owner_hidden(is_hidden_in_txn(txn, user).await?);
        channels::insert_in_txn(&**txn, &channel).await?;
        self.emit_changed(txn, &channel).await
    }

    /// Stores a user's names, and hides or restores their channel with them. The
    /// channel's name is its owner's to change.
    pub async fn user_updated_in_txn(&self, txn: &Txn, user: UserId, update: &UserUpdate) -> Result<()> {
        if self.is_erased_in_txn(txn, user).await? {
            return Ok(());
        }
        user_names::upsert_newer_in_txn(&**txn, user, update).await?;
        let Some(mut channel) = channels::lock_in_txn(&**txn, ChannelId(user.0)).await? else { return Ok(()) };
        let hidden = channel.hidden.owner_hidden(is_hidden_in_txn(txn, user).await?);
        if hidden != channel.hidden {
            channel.hidden = hidden;
            channel.version += 1;
            self.save_in_txn(txn, &channel).await?;
        }
        Ok(())
    }
}

/// Whether the user is hidden as of auth's newest event.
pub(super) async fn is_hidden_in_txn(txn: &Txn, user: UserId) -> Result<bool> {
    Ok(user_names::find(&**txn, user).await?.is_some_and(|update| update.is_hidden))
}
