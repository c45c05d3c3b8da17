//! Erases what this service stores about a deleted account.

use fenz_core::{Result, UserId};
use fenz_database::{Txn, transact};
use fenz_events::{Batch, UserDataEraser};

use super::{App, login_attempt};
use crate::{
    domain::account::Account,
    store::{failures, one_time, sessions, unreported_failures, users},
};

/// This service's part of an erasure. The deletion itself removed most rows; this
/// removes those written concurrently.
pub struct UserEraser(pub App);

#[async_trait::async_trait]
impl UserDataEraser for UserEraser {
    async fn erase(&self, user: UserId) -> Result<Batch> {
        let app = &self.0;
        let removed = transact(&app.db, |txn| async move {
            let account = users::locked_in_txn(txn.as_ref(), user).await?;
            app.delete_rows_in_txn(&txn, user, account.as_ref()).await
        })
        .await?;
        Ok(Batch { removed, done: true })
    }
}

impl App {
    /// Deletes an account and its rows; returns their number. The ids of its
    /// sessions are kept for the gateway until their access tokens have expired.
    /// Lock the account first.
    pub(super) async fn delete_rows_in_txn(
        &self,
        shared: &Txn,
        user: UserId,
        account: Option<&Account>,
    ) -> Result<u64> {
        let txn = shared.as_ref();
        let (open, mut removed) = sessions::remove_all_in_txn(txn, user).await?;
        removed += one_time::delete_all(txn, user).await?;
        let subjects = login_attempt::subjects(&self.digest_key, user, account);
        removed += failures::delete_by_subjects(txn, &subjects).await?;
        removed += unreported_failures::delete_by_subjects(txn, &subjects).await?;
        removed += users::delete(txn, user).await?;
        self.store_session_ends_in_txn(shared, open).await?;
        Ok(removed)
    }
}
