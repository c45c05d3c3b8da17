//! Muting channels, also by users who are not members.

use fenz_core::{ChannelId, Result, UserId};
use fenz_database::transact;

use super::App;
use crate::store::{memberships, readers, sequence};

impl App {
    /// Mutes or unmutes a channel. Idempotent.
    pub async fn set_muted(&self, user: UserId, channel: ChannelId, muted: bool) -> Result<()> {
        transact(&self.db, |txn| async move {
            let seq = sequence::next_in_txn(&*txn).await?;
            self.ensure_not_erased(&*txn, user).await?;
            if muted {
                memberships::mute_in_txn(&*txn, user, channel).await?;
            } else {
                memberships::unmute_in_txn(&*txn, user, channel).await?;
            }
            Ok(readers::mark_changed_in_txn(&*txn, user, seq).await?)
        })
        .await?;
        self.streams.wake();
        Ok(())
    }
}
