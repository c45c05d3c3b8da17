//! Moderators take a channel out of sight and bring it back.

use fenz_chassis::{Caller, Error, Reason, Result};
use fenz_contract::events::v1::UserModerated;
use fenz_events::Act;
use serde_json::json;

use super::{App, Seen, channel_not_found};
use crate::{
    domain::{Channel, ChannelId},
    store::channels,
};

/// What moderators do to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moderation<'a> {
    /// With what they want to say to its owner.
    Hide {
        text: &'a str,
    },
    Restore,
}

impl App {
    /// Sets the reason of moderation, or takes it away and it alone. Saying it
    /// again changes nothing.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND`; `PERMISSION_DENIED` on one's own.
    pub async fn moderate(&self, id: ChannelId, what: Moderation<'_>, caller: &Caller) -> Result<Seen> {
        let moderator = caller.require_user()?.id;
        let hide = what != Moderation::Restore;
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
                self.outbox.emit(&txn, &self.moderated(&channel, what)).await?;
                let (action, was) = if hide { ("channel.hidden", false) } else { ("channel.restored", true) };
                let act = Act {
                    actor: Some(moderator),
                    action,
                    object_type: "channel",
                    object_id: id.0.to_string(),
                    before: Some(json!({"hiddenByModeration": was})),
                    after: Some(json!({"hiddenByModeration": hide})),
                    about: Some(channel.owner),
                    address: None,
                };
                self.outbox.audit(&txn, act).await?;
            }
            Ok(channel)
        });
        self.seen_by(channel.await?, caller).await
    }

    /// What the owner is told.
    fn moderated(&self, channel: &Channel, what: Moderation<'_>) -> UserModerated {
        let (outcome, text) = match what {
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
