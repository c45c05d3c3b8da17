//! Users delete their channel and create a new one.

use std::time::Duration;

use fenz_core::{Caller, Error, Reason, Result, UserId, text};
use fenz_database::{Txn, is_duplicate};
use fenz_events::AuditEntry;
use serde_json::{Value, json};

use super::{App, ChannelView, account_deleted, channel_not_found, sync_user::is_hidden_in_txn};
use crate::{
    domain::{Channel, ChannelId},
    events,
    store::{channels, user_names},
};

impl App {
    /// Deletes the caller's channel. It is invisible at once; its memberships are
    /// deleted in the background.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND`, `CHANNEL_ALREADY_DELETED`.
    pub async fn delete_own(&self, owner: UserId) -> Result<()> {
        let id = ChannelId(owner.0);
        let _guard = self.channel_locks.lock(id).await;
        let deleted = self.outbox.transact(|txn| async move {
            let channel = channels::lock_with_deleted_in_txn(&*txn, id).await?.ok_or_else(channel_not_found)?;
            if channel.is_deleted() {
                return Err(Error::new(Reason::ChannelAlreadyDeleted, "your channel is deleted already"));
            }
            let before = audit_snapshot(&channel);
            self.delete_in_txn(&txn, channel).await?;
            self.outbox.audit(&txn, audit_entry("channel.deleted", owner, Some(before), None)).await
        });
        deleted.await
    }

    /// Creates a new, empty channel for a caller who has none.
    ///
    /// # Errors
    /// `CHANNEL_ALREADY_EXISTS`; `INVALID_PARAMS` for a bad name; `UNAVAILABLE`
    /// if no name is given and the caller's own is not known yet.
    pub async fn create_own(&self, caller: &Caller, name: &str, description: &str) -> Result<ChannelView> {
        let owner = caller.require_user()?.id;
        let name = if name.is_empty() { String::new() } else { text::line("name", name)? };
        let name = name.as_str();
        let _guard = self.channel_locks.lock(ChannelId(owner.0)).await;
        let created = self.outbox.transact(|txn| async move {
            if self.is_erased_in_txn(&txn, owner).await? {
                return Err(account_deleted());
            }
            let deleted = channels::lock_with_deleted_in_txn(&*txn, ChannelId(owner.0)).await?;
            if deleted.as_ref().is_some_and(|channel| !channel.is_deleted()) {
                return Err(already_exists());
            }
            let names = user_names::find(&*txn, owner).await?.unwrap_or_default().names;
            let name = if name.is_empty() { names.default_channel_name() } else { name };
            if name.is_empty() {
                return Err(name_unknown());
            }
            let is_new = deleted.is_none();
            let now = self.clock.now();
            let mut channel =
                deleted.map_or_else(|| Channel::new(owner, name, now), |deleted| deleted.recreated(name, now));
            description.clone_into(&mut channel.description);
            channel.hidden = channel.hidden.owner_hidden(is_hidden_in_txn(&txn, owner).await?);
            if is_new {
                channels::insert_in_txn(&*txn, &channel).await?;
            } else {
                channels::replace_in_txn(&*txn, &channel).await?;
            }
            self.emit_changed(&txn, &channel).await?;
            let after = audit_snapshot(&channel);
            self.outbox.audit(&txn, audit_entry("channel.created", owner, None, Some(after))).await?;
            Ok(channel)
        });
        // The registration event may create it at the same moment.
        let channel = created.await.map_err(|error| if is_duplicate(&error) { already_exists() } else { error })?;
        self.view(channel, caller).await
    }

    /// Deletes a locked channel for everybody, enqueues its cleanup and emits the
    /// event, by which media removes its pictures.
    pub(super) async fn delete_in_txn(&self, txn: &Txn, channel: Channel) -> Result<()> {
        let now = self.clock.now();
        let deleted = channel.deleted(now);
        channels::replace_in_txn(&**txn, &deleted).await?;
        self.enqueue_cleanup_in_txn(txn, deleted.id).await?;
        self.outbox.emit(txn, &events::channel_deleted(&deleted, now)).await
    }
}

fn audit_entry(action: &str, owner: UserId, before: Option<Value>, after: Option<Value>) -> AuditEntry<'_> {
    AuditEntry {
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

fn audit_snapshot(channel: &Channel) -> Value {
    json!({"name": channel.name, "description": channel.description})
}

/// Auth's event of the registration is not consumed yet.
fn name_unknown() -> Error {
    let error = Error::new(Reason::Unavailable, "your account is still being set up; try again");
    error.retry_after(Duration::from_secs(1))
}

fn already_exists() -> Error {
    Error::new(Reason::ChannelAlreadyExists, "you have a channel")
}
