//! Marking as read.

use fenz_chassis::{Error, Reason, Result, UserId, database::transact};

use super::App;
use crate::store::{notices, readers, sequence};

impl App {
    /// # Errors
    /// `NOTIFICATION_NOT_FOUND` when the user has no such notification.
    pub async fn mark_read(&self, user: UserId, id: i64) -> Result<()> {
        let found = notices::find(&self.db, user.0, id).await?;
        let seq = found.ok_or_else(|| Error::new(Reason::NotificationNotFound, "there is no such notification"))?;
        transact(&self.db, |txn| async move {
            // First, here and below: it waits for an erasure of the user.
            readers::read_one_in_txn(&*txn, user.0, seq).await?;
            self.still_there(&*txn, user).await
        })
        .await
    }

    /// What is taken in from now on is unread, however old it is.
    pub async fn mark_all_read(&self, user: UserId) -> Result<()> {
        transact(&self.db, |txn| async move {
            let last = sequence::last(&*txn).await?;
            readers::read_all_in_txn(&*txn, user.0, last).await?;
            self.still_there(&*txn, user).await
        })
        .await
    }
}
