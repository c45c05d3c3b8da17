//! Moderators hide and restore channels.

use fenz_contract::events::v1::UserModerated;
use fenz_core::{Caller, Error, Reason, Result};
use fenz_events::AuditEntry;
use serde_json::json;

use super::{App, ChannelView, channel_not_found};
use crate::{
    domain::{Channel, ChannelId},
    store::channels,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moderation<'a> {
    Hide {
        /// Shown to the owner.
        text: &'a str,
    },
    Restore,
}

impl App {
    /// Sets or clears the moderation reason; the other reasons stay. Idempotent.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND`; `PERMISSION_DENIED` for the caller's own channel.
    pub async fn moderate(&self, id: ChannelId, action: Moderation<'_>, caller: &Caller) -> Result<ChannelView> {
        let moderator = caller.require_user()?.id;
        let hide = action != Moderation::Restore;
        let channel = self.outbox.transact(|txn| async move {
            let mut channel = channels::lock_in_txn(&*txn, id).await?.ok_or_else(channel_not_found)?;
            if channel.owner == moderator {
                return Err(Error::new(Reason::PermissionDenied, "nobody moderates their own channel"));
            }
            let hidden = channel.hidden.moderated(hide);
            if hidden != channel.hidden {
                channel.hidden = hidden;
                channel.version += 1;
                self.save_in_txn(&txn, &channel).await?;
                self.outbox.emit(&txn, &self.moderated_event(&channel, action)).await?;
                let (name, was) = if hide { ("channel.hidden", false) } else { ("channel.restored", true) };
                let entry = AuditEntry {
                    actor: Some(moderator),
                    action: name,
                    object_type: "channel",
                    object_id: id.0.to_string(),
                    before: Some(json!({"hiddenByModeration": was})),
                    after: Some(json!({"hiddenByModeration": hide})),
                    about: Some(channel.owner),
                    address: None,
                };
                self.outbox.audit(&txn, entry).await?;
            }
            Ok(channel)
        });
        self.view(channel.await?, caller).await
    }

    /// Notifies the owner.
    fn moderated_event(&self, channel: &Channel, action: Moderation<'_>) -> UserModerated {
        let (outcome, text) = match action {
            Moderation::Hide { text } => ("hidden", text),
            Moderation::Restore => ("restored", ""),
        };
        UserModerated {
            user_id: channel.owner.0,
            outcome: outcome.to_owned(),
            object_type: "channel".to_owned(),
            object_id: channel.id.0,
            object_title: channel.name.clone(),
            text: text.to_owned(),
            until: None,
            occurred_at: Some(self.clock.now().into()),
        }
    }
}
