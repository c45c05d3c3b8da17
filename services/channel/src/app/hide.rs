//! Moderators take a channel out of sight and bring it back.

use fenz_chassis::{Caller, Result};

use super::{App, Seen, channel_not_found};
use crate::{domain::ChannelId, store::channels};

impl App {
    /// Sets the reason of moderation, or takes it away and it alone. Saying it
    /// again changes nothing.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND`.
    pub async fn moderate(&self, id: ChannelId, hide: bool, caller: &Caller) -> Result<Seen> {
        let channel = self.outbox.transact(|txn| async move {
            let mut channel = channels::lock_in_txn(&*txn, id).await?.ok_or_else(channel_not_found)?;
            let hidden = channel.hidden.moderated(hide);
            if hidden != channel.hidden {
                channel.hidden = hidden;
                channel.version += 1;
                self.save_in_txn(&txn, &channel).await?;
            }
            Ok(channel)
        });
        self.seen_by(channel.await?, caller).await
    }
}
