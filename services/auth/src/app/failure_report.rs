//! Reports failed logins to the audit log: one entry per name and address, with
//! the number of failures since the previous one.

use fenz_core::Result;
use fenz_events::{AuditEntry, Lease};
use serde_json::json;

use super::App;
use crate::store::{
    unreported_failures::{self, Failures},
    users,
};

/// Entries per transaction.
const BATCH_SIZE: u64 = 100;

impl App {
    /// Reports all unreported failures. The lease saves work; two replicas at
    /// once would not report a failure twice.
    ///
    /// # Errors
    /// When the database does not answer; the rest stays unreported.
    pub async fn report_failures(&self, lease: &Lease) -> Result<()> {
        while lease.hold().await? {
            let reported = self.outbox.transact(|txn| async move {
                let unreported = unreported_failures::drain_in_txn(&txn, BATCH_SIZE).await?;
                for failures in &unreported {
                    self.outbox.audit(&txn, self.failed_login(txn.as_ref(), failures).await?).await?;
                }
                Ok(unreported.len() as u64)
            });
            if reported.await? < BATCH_SIZE {
                break;
            }
        }
        Ok(())
    }

    async fn failed_login(
        &self,
        db: &impl sea_orm::ConnectionTrait,
        failures: &Failures,
    ) -> Result<AuditEntry<'static>> {
        let about = users::by_login(db, &failures.name).await?.map(|account| account.id);
        Ok(AuditEntry {
            action: "auth.login_failed",
            object_type: "login",
            object_id: failures.name.clone(),
            after: Some(json!({"failures": failures.count})),
            about,
            address: Some(failures.address.clone()),
            ..AuditEntry::default()
        })
    }
}
