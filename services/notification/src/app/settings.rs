//! Which types a user wants to be told of.

use fenz_chassis::{Result, UserId, database::transact};

use super::App;
use crate::{
    domain::{Kind, Kinds},
    store::{readers, sequence},
};

impl App {
    pub async fn wanted(&self, user: UserId) -> Result<Kinds> {
        Ok(readers::wanted(&self.db, user.0).await?)
    }

    /// Changes some and keeps the rest; what holds now.
    pub async fn want(&self, user: UserId, changes: &[(Kind, bool)]) -> Result<Kinds> {
        let wanted = transact(&self.db, |txn| async move {
            let seq = sequence::next_in_txn(&*txn).await?;
            self.still_there(&*txn, user).await?;
            let old = readers::lock_wanted_in_txn(&*txn, user.0).await?;
            let new = changes.iter().fold(old, |kinds, (kind, wanted)| kinds.with(*kind, *wanted));
            readers::set_wanted_in_txn(&*txn, user.0, new, seq).await?;
            Ok(new)
        })
        .await?;
        self.hub.wake();
        Ok(wanted)
    }
}
