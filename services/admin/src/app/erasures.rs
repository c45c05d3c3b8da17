//! Tracks erasures, and publishes the event again until every service has
//! reported.

use std::time::Duration;

use fenz_contract::events::v1::UserDeleted;
use fenz_core::{Error, Reason, Result};
use fenz_database::Txn;
use fenz_events::{HandlerError, Lease};

use super::App;
use crate::{
    domain::{
        erasure::{Erasure, ErasureEvent, retry_delay},
        page::Page,
    },
    store::{erasures, user_locks},
};

/// Erasures per run.
const BATCH_SIZE: u64 = 100;

impl App {
    /// Handles the request to erase a user, here and in the other services.
    pub async fn user_deleted_in_txn(
        &self,
        txn: &Txn,
        event: &UserDeleted,
        erasure: ErasureEvent,
    ) -> Result<(), HandlerError> {
        user_locks::lock_in_txn(&**txn, &[erasure.user]).await.map_err(Error::from)?;
        self.erasure_runner.request_in_txn(txn, event).await?;
        self.create_erasure_in_txn(txn, erasure).await?;
        Ok(erasures::record_request_in_txn(&**txn, erasure).await?)
    }

    /// Handles the report of a service, which may arrive before the request.
    pub async fn user_erased_in_txn(
        &self,
        txn: &Txn,
        erasure: ErasureEvent,
        service: &str,
        removed: i64,
    ) -> Result<()> {
        self.create_erasure_in_txn(txn, erasure).await?;
        erasures::complete_step_in_txn(&**txn, erasure.id, service, removed.max(0), erasure.at).await?;
        if erasures::complete_in_txn(&**txn, erasure.id, self.clock.now()).await? {
            tracing::info!(erasure.id = %erasure.id, user.id = %erasure.user, "every service has erased the user");
        }
        Ok(())
    }

    async fn create_erasure_in_txn(&self, txn: &Txn, erasure: ErasureEvent) -> Result<()> {
        let due_at = self.clock.after(retry_delay(self.config.erasure_retry, 1));
        Ok(erasures::create_in_txn(&**txn, erasure, &self.services, due_at).await?)
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

    /// The first retry delay.
    pub fn erasure_retry(&self) -> Duration {
        self.config.erasure_retry
    }

    /// Publishes the events of overdue erasures again.
    pub async fn retry_erasures(&self, lease: &Lease) -> Result<()> {
        if !lease.hold().await? {
            return Ok(());
        }
        for id in erasures::due(&self.db, self.clock.now(), BATCH_SIZE).await? {
            self.retry_erasure(id).await?;
        }
        Ok(())
    }

    async fn retry_erasure(&self, id: i64) -> Result<()> {
        let now = self.clock.now();
        let retried = self.outbox.transact(|txn| async move {
            let Some(erasure) = erasures::lock_in_txn(&*txn, id).await? else { return Ok(None) };
            // Services that were removed from the settings need not report.
            erasures::delete_unconfigured_steps_in_txn(&*txn, id, &self.services).await?;
            if erasure.done_at.is_some() || erasures::complete_in_txn(&*txn, id, now).await? {
                return Ok(None);
            }
            let attempts = erasure.attempts.saturating_add(1);
            let due_at = self.clock.after(retry_delay(self.config.erasure_retry, attempts));
            erasures::set_retry_in_txn(&*txn, id, attempts, due_at).await?;
            let event = UserDeleted {
                user_id: erasure.user.0,
                erasure_id: id,
                version: erasure.version,
                occurred_at: Some(erasure.requested_at.into()),
            };
            self.outbox.emit(&txn, &event).await?;
            Ok(Some((erasure.user, attempts)))
        });
        if let Some((user, attempts)) = retried.await? {
            tracing::warn!(
                erasure.id = %id,
                user.id = %user,
                attempts,
                "published the event of an incomplete erasure again"
            );
        }
        Ok(())
    }
}
