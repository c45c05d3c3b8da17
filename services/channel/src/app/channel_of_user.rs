//! What auth's events mean here: every user has a channel, is called something,
//! and may be hidden.

use chrono::{DateTime, Utc};
use fenz_chassis::{Result, UserId, database::Txn};

use super::App;
use crate::{
    domain::{Channel, ChannelId},
    store::{
        channels,
        user_names::{self, Told},
    },
};

impl App {
    /// Makes a new user's channel, unless it is there, or was.
    pub async fn user_registered_in_txn(&self, txn: &Txn, user: UserId, told: &Told, at: DateTime<Utc>) -> Result<()> {
        if self.is_erased_in_txn(txn, user).await? {
            return Ok(());
        }
        user_names::put_in_txn(&**txn, user, told).await?;
        if channels::lock_any_in_txn(&**txn, ChannelId(user.0)).await?.is_some() {
            return Ok(());
        }
        let mut channel = Channel::first(user, told.names.of_channel(), at);
        // They may have been hidden before we heard that they are there.
        channel.hidden = channel.hidden.owner_hidden(is_hidden_in_txn(txn, user).await?);
        channels::insert_in_txn(&**txn, &channel).await?;
        self.emit_changed(txn, &channel).await
    }

    /// Keeps what a user is called by now, and hides their channel with them or
    /// brings it back. The channel's name is its owner's to change.
    pub async fn user_updated_in_txn(&self, txn: &Txn, user: UserId, told: &Told) -> Result<()> {
        if self.is_erased_in_txn(txn, user).await? {
            return Ok(());
        }
        user_names::put_in_txn(&**txn, user, told).await?;
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

/// What the newest of auth's events says.
pub(super) async fn is_hidden_in_txn(txn: &Txn, user: UserId) -> Result<bool> {
    Ok(user_names::find(&**txn, user).await?.is_some_and(|told| told.is_hidden))
}
