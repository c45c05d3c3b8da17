//! What auth's events mean here: every user has a channel and is called
//! something.

use chrono::{DateTime, Utc};
use fenz_chassis::{Result, UserId, database::Txn};

use super::App;
use crate::{
    domain::Channel,
    store::{
        channels,
        user_names::{self, Names},
    },
};

impl App {
    /// Makes a new user's channel, unless it is there.
    pub async fn user_registered_in_txn(
        &self,
        txn: &Txn,
        user: UserId,
        names: &Names,
        version: i64,
        at: DateTime<Utc>,
    ) -> Result<()> {
        user_names::put_in_txn(&**txn, user, names, version).await?;
        let name = [&names.display_name, &names.username].into_iter().find(|name| !name.trim().is_empty());
        let channel = Channel::first(user, name.map_or("", |name| name), at);
        if channels::find(&**txn, channel.id).await?.is_some() {
            return Ok(());
        }
        channels::insert_in_txn(&**txn, &channel).await?;
        self.emit_changed(txn, &channel).await
    }

    /// Keeps what a user is called by now. The channel's name is its owner's to
    /// change.
    pub async fn user_updated_in_txn(&self, txn: &Txn, user: UserId, names: &Names, version: i64) -> Result<()> {
        Ok(user_names::put_in_txn(&**txn, user, names, version).await?)
    }
}
