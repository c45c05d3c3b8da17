//! Which types of notifications a user receives.

use fenz_core::{Result, UserId};
use fenz_database::transact;

use super::App;
use crate::{
    domain::{Kind, KindSet},
    store::{readers, sequence},
};

impl App {
    pub async fn settings(&self, user: UserId) -> Result<KindSet> {
        Ok(readers::enabled(&self.db, user).await?)
    }

    /// Changes the kinds that are named and keeps the others; the result.
    pub async fn update_settings(&self, user: UserId, changes: &[(Kind, bool)]) -> Result<KindSet> {
        let enabled = transact(&self.db, |txn| async move {
            let seq = sequence::next_in_txn(&*txn).await?;
            self.ensure_not_erased(&*txn, user).await?;
            let old = readers::lock_enabled_in_txn(&*txn, user).await?;
            let new = changes.iter().fold(old, |kinds, (kind, enabled)| kinds.with(*kind, *enabled));
            readers::set_enabled_in_txn(&*txn, user, new, seq).await?;
            Ok(new)
        })
        .await?;
        self.streams.wake();
        Ok(enabled)
    }
}
