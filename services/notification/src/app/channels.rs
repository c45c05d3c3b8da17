//! Muting channels, whether the user is a member or not yet.

use fenz_chassis::{Result, UserId, database::transact};

use super::App;
use crate::store::{members, readers, sequence};

impl App {
    /// Mutes or unmutes a channel; a repeat changes nothing.
    pub async fn set_muted(&self, user: UserId, channel: i64, muted: bool) -> Result<()> {
        transact(&self.db, |txn| async move {
            let seq = sequence::next_in_txn(&*txn).await?;
            self.still_there(&*txn, user).await?;
            if muted {
                members::mute_in_txn(&*txn, user.0, channel).await?;
            } else {
                members::unmute_in_txn(&*txn, user.0, channel).await?;
            }
            Ok(readers::changed_in_txn(&*txn, user.0, seq).await?)
        })
        .await?;
        self.hub.wake();
        Ok(())
    }
}
