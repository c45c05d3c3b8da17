//! Following erasures, and telling again those that some service has not
//! reported.

use std::time::Duration;

use fenz_chassis::{Error, Reason, Result, database::Txn};
use fenz_contract::events::v1::UserDeleted;
use fenz_events::{Lease, Refusal};

use super::App;
use crate::{
    domain::{
        erasure::{Erasure, pause},
        page::Page,
    },
    store::{
        erasures::{self, Told},
        turns,
    },
};

/// Erasures that are told again in one turn.
const BATCH: u64 = 100;

impl App {
    /// A user is to be forgotten: here too.
    pub async fn user_deleted_in_txn(&self, txn: &Txn, event: &UserDeleted, told: Told) -> Result<(), Refusal> {
        turns::take_in_txn(&**txn, &[told.user]).await.map_err(Error::from)?;
        self.orders.order_in_txn(txn, event).await?;
        self.open_in_txn(txn, told).await?;
        Ok(erasures::order_in_txn(&**txn, told).await?)
    }

    /// A service has forgotten a user; it may be heard of before the order is.
    pub async fn user_erased_in_txn(&self, txn: &Txn, told: Told, service: &str, removed: i64) -> Result<()> {
        self.open_in_txn(txn, Told { version: 0, ..told }).await?;
        erasures::report_in_txn(&**txn, told.id, service, removed.max(0), told.at).await?;
        if erasures::close_in_txn(&**txn, told.id, self.clock.now()).await? {
            tracing::info!(erasure.id = told.id, user.id = told.user, "every service has forgotten the user");
        }
        Ok(())
    }

    async fn open_in_txn(&self, txn: &Txn, told: Told) -> Result<()> {
        let due_at = self.clock.after(pause(self.config.erasure_retry, 1));
        Ok(erasures::open_in_txn(&**txn, told, &self.services, due_at).await?)
    }

    pub async fn erasures(&self, is_done: Option<bool>, page: Page) -> Result<(Vec<Erasure>, u64)> {
        Ok(erasures::list(&self.db, is_done, page).await?)
    }

    /// # Errors
    /// `ERASURE_NOT_FOUND`.
    pub async fn erasure(&self, id: i64) -> Result<Erasure> {
        let erasure = erasures::find(&self.db, id).await?;
        erasure.ok_or_else(|| Error::new(Reason::ErasureNotFound, "there is no such erasure"))
    }

    /// The first pause before one is told again.
    pub fn erasure_retry(&self) -> Duration {
        self.config.erasure_retry
    }

    /// Tells erasures again that wait for too long.
    pub async fn tell_again(&self, lease: &Lease) -> Result<()> {
        if !lease.hold().await? {
            return Ok(());
        }
        for id in erasures::due(&self.db, self.clock.now(), BATCH).await? {
            self.tell_one_again(id).await?;
        }
        Ok(())
    }

    async fn tell_one_again(&self, id: i64) -> Result<()> {
        let now = self.clock.now();
        let told = self.outbox.transact(|txn| async move {
            let Some(erasure) = erasures::lock_in_txn(&*txn, id).await? else { return Ok(None) };
            // Services that were taken out of the settings are not waited for.
            erasures::drop_unasked_in_txn(&*txn, id, &self.services).await?;
            if erasure.done_at.is_some() || erasures::close_in_txn(&*txn, id, now).await? {
                return Ok(None);
            }
            let attempts = erasure.attempts.saturating_add(1);
            let due_at = self.clock.after(pause(self.config.erasure_retry, attempts));
            erasures::told_again_in_txn(&*txn, id, attempts, due_at).await?;
            let event = UserDeleted {
                user_id: erasure.user,
                erasure_id: id,
                version: erasure.version,
                occurred_at: Some(erasure.requested_at.into()),
            };
            self.outbox.emit(&txn, &event).await?;
            Ok(Some((erasure.user, attempts)))
        });
        if let Some((user, attempts)) = told.await? {
            tracing::warn!(erasure.id = id, user.id = user, attempts, "an erasure is not done; telling it again");
        }
        Ok(())
    }
}
