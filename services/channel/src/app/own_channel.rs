//! Having a channel at all: a user may delete theirs, and have a new one.

use std::time::Duration;

use fenz_chassis::{Caller, Error, Reason, Result, UserId, database::Txn};
use fenz_events::Act;
use serde_json::{Value, json};

use super::{App, Seen, account_deleted, channel_not_found, channel_of_user::is_hidden_in_txn};
use crate::{
    domain::{Channel, ChannelId, Picture, changes::check_name},
    events,
    store::{
        channels, clearings,
        errands::{self, Claim, Errand},
        user_names,
    },
};

impl App {
    /// Deletes a caller's channel with all that belongs to it. It is out of
    /// sight at once; its memberships are removed beside.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND`, `CHANNEL_ALREADY_DELETED`.
    pub async fn delete_own(&self, owner: UserId) -> Result<()> {
        let id = ChannelId(owner.0);
        let _turn = self.turns.of(id).await;
        let deleted = self.outbox.transact(|txn| async move {
            let channel = channels::lock_any_in_txn(&*txn, id).await?.ok_or_else(channel_not_found)?;
            if channel.is_deleted() {
                return Err(Error::new(Reason::ChannelAlreadyDeleted, "your channel is deleted already"));
            }
            let before = known(&channel);
            self.end_in_txn(&txn, channel).await?;
            self.outbox.audit(&txn, act("channel.deleted", owner, Some(before), None)).await
        });
        deleted.await?;
        self.errands.wake();
        self.clearing.notify_one();
        Ok(())
    }

    /// Makes a new, empty channel where the caller has none.
    ///
    /// # Errors
    /// `CHANNEL_ALREADY_EXISTS`; `INVALID_PARAMS` for a bad name; `UNAVAILABLE`
    /// without one before it is known what the caller is called.
    pub async fn create_own(&self, caller: &Caller, name: &str, description: &str) -> Result<Seen> {
        let owner = caller.require_user()?.id;
        if !name.is_empty() {
            check_name(name)?;
        }
        let _turn = self.turns.of(ChannelId(owner.0)).await;
        let created = self.outbox.transact(|txn| async move {
            if self.is_erased_in_txn(&txn, owner).await? {
                return Err(account_deleted());
            }
            let left = channels::lock_any_in_txn(&*txn, ChannelId(owner.0)).await?;
            if left.as_ref().is_some_and(|channel| !channel.is_deleted()) {
                return Err(already_exists());
            }
            let names = user_names::find(&*txn, owner).await?.unwrap_or_default().names;
            let name = if name.is_empty() { names.of_channel() } else { name };
            if name.is_empty() {
                return Err(not_heard_of());
            }
            let is_new = left.is_none();
            let now = self.clock.now();
            let mut channel = left.map_or_else(|| Channel::first(owner, name, now), |left| left.again(name, now));
            description.clone_into(&mut channel.description);
            channel.hidden = channel.hidden.owner_hidden(is_hidden_in_txn(&txn, owner).await?);
            if is_new {
                channels::insert_in_txn(&*txn, &channel).await?;
            } else {
                channels::replace_in_txn(&*txn, &channel).await?;
            }
            self.emit_changed(&txn, &channel).await?;
            self.outbox.audit(&txn, act("channel.created", owner, None, Some(known(&channel)))).await?;
            Ok(channel)
        });
        // Auth's word that the user is there may be just making it.
        let channel = created.await.map_err(|error| if error.is_duplicate() { already_exists() } else { error })?;
        self.seen_by(channel, caller).await
    }

    /// Takes a channel that is locked out of everybody's sight, for good, and
    /// tells of it.
    pub(super) async fn end_in_txn(&self, txn: &Txn, channel: Channel) -> Result<()> {
        let now = self.clock.now();
        for picture in [Picture::Avatar, Picture::Banner] {
            let Some(upload) = channel.picture(picture) else { continue };
            let claim = Claim { channel: channel.id, picture, upload };
            // One that has started does the same.
            errands::put_in_txn(&**txn, &Errand { claim, keep_files: false, attempts: 0, due_at: now }).await?;
        }
        let left = channel.deleted(now);
        channels::replace_in_txn(&**txn, &left).await?;
        clearings::put_in_txn(&**txn, left.id).await?;
        self.outbox.emit(txn, &events::channel_deleted(&left, now)).await
    }
}

fn act(action: &str, owner: UserId, before: Option<Value>, after: Option<Value>) -> Act<'_> {
    Act {
        actor: Some(owner),
        action,
        object_type: "channel",
        object_id: owner.0.to_string(),
        before,
        after,
        about: Some(owner),
        address: None,
    }
}

fn known(channel: &Channel) -> Value {
    json!({"name": channel.name, "description": channel.description})
}

/// Auth's word of who just registered is on its way.
fn not_heard_of() -> Error {
    let error = Error::new(Reason::Unavailable, "your account is still being set up; try again");
    error.retry_after(Duration::from_secs(1))
}

fn already_exists() -> Error {
    Error::new(Reason::ChannelAlreadyExists, "you have a channel")
}
