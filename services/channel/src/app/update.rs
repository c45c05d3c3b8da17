//! Edits a channel. Claiming its pictures at media is outside of the transaction,
//! so the release of each claim is scheduled first and cancelled by the commit.

use fenz_contract::events::v1::ChannelChanged;
use fenz_core::{Caller, Error, Reason, Result};
use fenz_database::{Txn, transact};

use super::{App, ChannelView, channel_not_found};
use crate::{
    domain::{Channel, ChannelId, Claim, PendingCall, Picture, changes::Changes, if_match},
    events,
    store::{channels, pending_calls},
};

/// An edit by a caller.
#[derive(Clone, Debug)]
pub struct Edit {
    pub id: ChannelId,
    pub caller: Caller,
    /// The `If-Match` header.
    pub if_match: Option<String>,
    pub changes: Changes,
}

impl App {
    /// # Errors
    /// `CHANNEL_NOT_FOUND`; `PERMISSION_DENIED` for somebody else's;
    /// `VERSION_MISMATCH`; `INVALID_PARAMS`; media's errors about a picture.
    pub async fn update(&self, edit: Edit) -> Result<ChannelView> {
        let claims = self.schedule_releases(&edit).await?;
        let committed = match self.claim_pictures(&edit, &claims).await {
            Ok(()) => self.commit(&edit, &claims).await,
            Err(error) => Err(error),
        };
        let channel = match committed {
            Ok(channel) => channel,
            Err(error) => {
                for claim in claims {
                    let release = PendingCall::unclaim(claim, self.clock.now());
                    if let Err(error) = self.pending_calls.run_now(release).await {
                        tracing::warn!(%error, channel.id = edit.id.0, "claim not released, retrying later");
                    }
                }
                return Err(error);
            }
        };
        self.pending_calls.notify();
        self.view(channel, &edit.caller).await
    }

    /// Schedules the release of each new picture, in case the edit fails.
    async fn schedule_releases(&self, edit: &Edit) -> Result<Vec<Claim>> {
        transact(&self.db, |txn| async move {
            let channel = lock_editable_in_txn(&txn, edit).await?;
            let new = edit.changes.new_pictures(&channel).into_iter();
            let claims: Vec<_> = new.map(|(picture, upload)| Claim { channel: channel.id, picture, upload }).collect();
            let due_at = self.clock.after(self.config.claim_timeout);
            for claim in &claims {
                if !pending_calls::schedule_in_txn(&*txn, &PendingCall::unclaim(*claim, due_at)).await? {
                    return Err(release_in_progress());
                }
            }
            Ok(claims)
        })
        .await
    }

    async fn claim_pictures(&self, edit: &Edit, claims: &[Claim]) -> Result<()> {
        let owner = edit.caller.require_user()?.id;
        for claim in claims {
            self.uploads.claim(*claim, owner).await?;
        }
        Ok(())
    }

    async fn commit(&self, edit: &Edit, claims: &[Claim]) -> Result<Channel> {
        let changed = self.outbox.transact(|txn| async move {
            let before = lock_editable_in_txn(&txn, edit).await?;
            for claim in claims {
                // A concurrent identical request may have stored the picture and
                // cancelled the call.
                let is_stored = before.picture(claim.picture) == Some(claim.upload);
                if !pending_calls::cancel_in_txn(&*txn, *claim).await? && !is_stored {
                    return Err(release_in_progress());
                }
            }
            let after = edit.changes.clone().apply(before.clone());
            if after == before {
                return Ok(after);
            }
            for picture in Picture::ALL {
                let replaced = before.picture(picture).filter(|old| after.picture(picture) != Some(*old));
                let Some(upload) = replaced else { continue };
                let claim = Claim { channel: before.id, picture, upload };
                // A call that has started already deletes the files as well.
                pending_calls::schedule_in_txn(&*txn, &PendingCall::delete(claim, self.clock.now())).await?;
            }
            self.save_in_txn(&txn, &after).await?;
            Ok(after)
        });
        changed.await
    }

    /// Stores a channel whose version was incremented, and emits the event.
    pub(super) async fn save_in_txn(&self, txn: &Txn, channel: &Channel) -> Result<()> {
        channels::update_in_txn(&**txn, channel).await?;
        self.emit_changed(txn, channel).await
    }

    pub(super) async fn emit_changed(&self, txn: &Txn, channel: &Channel) -> Result<()> {
        self.outbox.emit(txn, &self.changed_event(channel)).await
    }

    /// A channel's state as other services see it.
    pub fn changed_event(&self, channel: &Channel) -> ChannelChanged {
        events::channel_changed(channel, self.clock.now())
    }
}

/// Locks the channel if the caller may edit it: only the owner may, whatever the
/// caller's role.
async fn lock_editable_in_txn(txn: &Txn, edit: &Edit) -> Result<Channel> {
    let channel = channels::lock_in_txn(&**txn, edit.id).await?;
    let channel = channel.filter(|c| c.is_visible_to(&edit.caller)).ok_or_else(channel_not_found)?;
    if edit.caller.require_user()?.id != channel.owner {
        return Err(Error::new(Reason::PermissionDenied, "this channel is somebody else's"));
    }
    if edit.if_match.as_deref().is_some_and(|header| !if_match::matches(header, channel.version)) {
        return Err(Error::new(Reason::VersionMismatch, "the channel has changed since you read it"));
    }
    Ok(channel)
}

fn release_in_progress() -> Error {
    Error::unavailable("the upload", anyhow::anyhow!("the claim is being released"))
}
