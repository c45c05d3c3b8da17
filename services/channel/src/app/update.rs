//! Editing a channel. Its pictures are kept by media: the change crosses two
//! services, so it is written down first what to undo if it stops half way.

use fenz_chassis::{
    Caller, Error, Reason, Result,
    database::{Txn, transact},
};

use fenz_contract::events::v1::ChannelChanged;

use super::{App, Seen, channel_not_found};
use crate::{
    domain::{Channel, ChannelId, Picture, changes::Changes, if_match},
    events,
    store::{
        channels,
        errands::{self, Claim, Errand},
    },
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
    /// `VERSION_MISMATCH`; `INVALID_PARAMS`; what media says of a picture.
    pub async fn update(&self, edit: Edit) -> Result<Seen> {
        edit.changes.check()?;
        let claims = self.begin(&edit).await?;
        let changed = match self.claim(&edit, &claims).await {
            Ok(()) => self.finish(&edit, &claims).await,
            Err(error) => Err(error),
        };
        let channel = match changed {
            Ok(channel) => channel,
            Err(error) => {
                for claim in claims {
                    if let Err(problem) = self.errands.give_up(claim).await {
                        // The errand is stored: a job goes on with it.
                        tracing::warn!(error = %problem, channel.id = edit.id.0, "a picture is handed back later");
                    }
                }
                return Err(error);
            }
        };
        self.errands.wake();
        self.seen_by(channel, &edit.caller).await
    }

    /// Writes down that the pictures which come new are to be handed back,
    /// unless all goes well.
    async fn begin(&self, edit: &Edit) -> Result<Vec<Claim>> {
        transact(&self.db, |txn| async move {
            let channel = editable_in_txn(&txn, edit).await?;
            let new = edit.changes.new_pictures(&channel).into_iter();
            let claims: Vec<_> = new.map(|(picture, upload)| Claim { channel: channel.id, picture, upload }).collect();
            for claim in &claims {
                let due_at = self.clock.after(self.config.claim_timeout);
                let undo = Errand { claim: *claim, keep_files: true, attempts: 0, due_at };
                if !errands::put_in_txn(&*txn, &undo).await? {
                    return Err(in_the_way());
                }
            }
            Ok(claims)
        })
        .await
    }

    async fn claim(&self, edit: &Edit, claims: &[Claim]) -> Result<()> {
        let owner = edit.caller.require_user()?.id;
        for claim in claims {
            self.uploads.claim(*claim, owner).await?;
        }
        Ok(())
    }

    async fn finish(&self, edit: &Edit, claims: &[Claim]) -> Result<Channel> {
        let changed = self.outbox.transact(|txn| async move {
            let before = editable_in_txn(&txn, edit).await?;
            for claim in claims {
                let is_there = before.picture(claim.picture) == Some(claim.upload);
                // Where it is there already, a twin of this request was faster.
                if !errands::call_off_in_txn(&*txn, *claim).await? && !is_there {
                    return Err(in_the_way());
                }
            }
            let after = edit.changes.clone().apply(before.clone());
            if after == before {
                return Ok(after);
            }
            for picture in [Picture::Avatar, Picture::Banner] {
                let dropped = before.picture(picture).filter(|old| after.picture(picture) != Some(*old));
                let Some(upload) = dropped else { continue };
                let claim = Claim { channel: before.id, picture, upload };
                let removal = Errand { claim, keep_files: false, attempts: 0, due_at: self.clock.now() };
                // One that has started does the same.
                errands::put_in_txn(&*txn, &removal).await?;
            }
            self.save_in_txn(&txn, &after).await?;
            Ok(after)
        });
        changed.await
    }

    /// Stores a channel whose version has grown, and tells of it.
    pub(super) async fn save_in_txn(&self, txn: &Txn, channel: &Channel) -> Result<()> {
        channels::update_in_txn(&**txn, channel).await?;
        self.emit_changed(txn, channel).await
    }

    pub(super) async fn emit_changed(&self, txn: &Txn, channel: &Channel) -> Result<()> {
        self.outbox.emit(txn, &self.told(channel)).await
    }

    /// A channel as others know it.
    pub fn told(&self, channel: &Channel) -> ChannelChanged {
        events::channel_changed(channel, self.clock.now())
    }
}

/// The channel, if the caller may edit it now. Only the owner may, whatever the
/// caller's role.
async fn editable_in_txn(txn: &Txn, edit: &Edit) -> Result<Channel> {
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

fn in_the_way() -> Error {
    Error::unavailable("the upload", anyhow::anyhow!("a picture is just being released"))
}
