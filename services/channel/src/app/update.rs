//! Edits a channel. New pictures are reserved at media first; the transaction that
//! stores the edit emits `ChannelChanged`, which confirms them and makes media remove
//! those that were replaced.

use fenz_chassis::uploads::{FileKind, Object, Reservation, Wanted};
use fenz_contract::events::v1::ChannelChanged;
use fenz_core::{Caller, Error, Reason, Result};
use fenz_database::{Txn, transact};

use super::{App, ChannelView, channel_not_found};
use crate::{
    domain::{Channel, ChannelId, Picture, UploadId, changes::Changes, if_match},
    events,
    store::channels,
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
        let channel = edit.check(channels::find(&self.db, edit.id).await?)?;
        let pictures = edit.changes.new_pictures(&channel)?;
        let mut reservation = self.uploads.begin();
        self.reserve(&edit, &pictures, &mut reservation).await?;
        let channel = match self.store_edit(&edit, &pictures, &reservation).await {
            Ok((channel, is_changed)) => {
                // A concurrent identical request may have stored it.
                if !is_changed {
                    self.uploads.release(reservation).await;
                }
                channel
            }
            Err(error) => self.recover(&edit, reservation, error).await?,
        };
        self.view(channel, &edit.caller).await
    }

    async fn reserve(
        &self,
        edit: &Edit,
        pictures: &[(Picture, UploadId)],
        reservation: &mut Reservation,
    ) -> Result<()> {
        let owner = edit.caller.require_user()?.id;
        for (picture, upload) in pictures {
            let wanted = Wanted {
                upload: *upload,
                owner,
                kind: FileKind::Image,
                object: Object::ChannelId(edit.id.0),
                field: picture.field(),
            };
            self.uploads.reserve(reservation, wanted).await?;
        }
        Ok(())
    }

    /// The channel, and whether this changed it.
    async fn store_edit(
        &self,
        edit: &Edit,
        reserved: &[(Picture, UploadId)],
        reservation: &Reservation,
    ) -> Result<(Channel, bool)> {
        let changed = self.outbox.transact(|txn| async move {
            let before = edit.check(channels::lock_in_txn(&*txn, edit.id).await?)?;
            let after = edit.changes.clone().apply(before.clone());
            if after == before {
                return Ok((after, false));
            }
            let new = edit.changes.new_pictures(&before)?;
            if new.iter().any(|picture| !reserved.contains(picture)) {
                return Err(picture_replaced());
            }
            reservation.check()?;
            self.save_in_txn(&txn, &after).await?;
            Ok((after, true))
        });
        changed.await
    }

    /// After a failed transaction. When the database failed, it may have committed all
    /// the same: only the row tells.
    async fn recover(&self, edit: &Edit, reservation: Reservation, error: Error) -> Result<Channel> {
        if fenz_database::cause(&error).is_some() {
            // The lock waits for a commit that is still going on.
            let stored =
                transact(&self.db, |txn| async move { Ok(channels::lock_in_txn(&*txn, edit.id).await?) }).await;
            match stored {
                Ok(Some(channel)) if edit.changes.clone().apply(channel.clone()) == channel => return Ok(channel),
                Ok(_) => {}
                // Unknown: media asks when the reservation's time is over.
                Err(_) => return Err(error),
            }
        }
        self.uploads.release(reservation).await;
        Err(error)
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

impl Edit {
    /// The channel, if the caller may edit it: only the owner may, whatever the
    /// caller's role.
    fn check(&self, channel: Option<Channel>) -> Result<Channel> {
        let channel = channel.filter(|c| c.is_visible_to(&self.caller)).ok_or_else(channel_not_found)?;
        if self.caller.require_user()?.id != channel.owner {
            return Err(Error::new(Reason::PermissionDenied, "this channel is somebody else's"));
        }
        if self.if_match.as_deref().is_some_and(|header| !if_match::matches(header, channel.version)) {
            return Err(Error::new(Reason::VersionMismatch, "the channel has changed since you read it"));
        }
        Ok(channel)
    }
}

/// The channel had a picture of the edit when its new pictures were reserved.
fn picture_replaced() -> Error {
    Error::unavailable("the channel", anyhow::anyhow!("a concurrent edit has replaced a picture that this edit names"))
}
