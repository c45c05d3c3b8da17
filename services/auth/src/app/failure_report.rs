//! Reports failed logins to the audit log: one entry per account and address, and one
//! per client network for all names without an account, with the number of failures
//! since the previous one. What was typed is never reported: it may be a password.

use fenz_core::Result;
use fenz_events::{AuditEntry, Lease};
use serde_json::json;

use super::App;
use crate::store::{
    unreported_failures::{self, Failures},
    users,
};

/// Rows per transaction. Only those of one can become one entry.
const BATCH_SIZE: u64 = 500;

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
                for failures in unreported.chunk_by(|a, b| a.user == b.user && a.address == b.address) {
                    if let Some(entry) = self.failed_login(txn.as_ref(), failures).await? {
                        self.outbox.audit(&txn, entry).await?;
                    }
                }
                Ok(unreported.len() as u64)
            });
            if reported.await? < BATCH_SIZE {
                break;
            }
        }
        Ok(())
    }

    /// The entry of failures of one account, or of any number of unknown names, from
    /// one address. None for an account that is deleted meanwhile.
    async fn failed_login(
        &self,
        db: &impl sea_orm::ConnectionTrait,
        failures: &[Failures],
    ) -> Result<Option<AuditEntry<'static>>> {
        let about = failures.first().and_then(|first| first.user);
        let account = match about {
            Some(user) => match users::by_id(db, user).await? {
                None => return Ok(None),
                found => found,
            },
            None => None,
        };
        let object_id = match (account, failures) {
            (Some(account), _) => account.username,
            // A keyed digest: the same name has the same one.
            (None, [only]) => only.subject.clone(),
            (None, _) => String::new(),
        };
        let count: i64 = failures.iter().map(|failures| i64::from(failures.count)).sum();
        let after = match about {
            Some(_) => json!({"failures": count}),
            None => json!({"failures": count, "names": failures.len()}),
        };
        Ok(Some(AuditEntry {
            action: "auth.login_failed",
            object_type: "login",
            object_id,
            after: Some(after),
            about,
            address: failures.first().map(|first| first.address.clone()),
            ..AuditEntry::default()
        }))
    }
}
