//! Marking as read.

use fenz_core::{Error, Reason, Result, UserId};
use fenz_database::transact;

use super::App;
use crate::store::{notifications, readers, sequence};

impl App {
    /// # Errors
    /// `NOTIFICATION_NOT_FOUND` when the user has no such notification.
    pub async fn mark_read(&self, user: UserId, id: i64) -> Result<()> {
        let found = notifications::find(&self.db, user, id).await?;
        let seq = found.ok_or_else(|| Error::new(Reason::NotificationNotFound, "there is no such notification"))?;
        transact(&self.db, |txn| async move {
            // First, here and below: the row lock serialises with an erasure of the user.
            readers::mark_read_in_txn(&*txn, user, seq).await?;
            self.ensure_not_erased(&*txn, user).await
        })
        .await
    }

    /// Whatever is projected after this is unread, however old it is.
    pub async fn mark_all_read(&self, user: UserId) -> Result<()> {
        transact(&self.db, |txn| async move {
            let last = sequence::last(&*txn).await?;
            readers::mark_all_read_in_txn(&*txn, user, last).await?;
            self.ensure_not_erased(&*txn, user).await
        })
        .await
    }
}
