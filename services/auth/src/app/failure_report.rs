//! Failed logins, told to the audit log: one entry per name and address, with
//! how many there were since the last.

use fenz_chassis::Result;
use fenz_events::{Act, Lease};
use serde_json::json;

use super::App;
use crate::store::{
    unreported_failures::{self, Failures},
    users,
};

/// Entries of one transaction.
const AT_ONCE: u64 = 100;

impl App {
    /// Tells all failures that were not told yet. One replica does it for all;
    /// two at once would only share the work.
    ///
    /// # Errors
    /// When the database does not answer; the rest waits.
    pub async fn report_failures(&self, lease: &Lease) -> Result<()> {
        while lease.hold().await? {
            let told = self.outbox.transact(|txn| async move {
                let unreported = unreported_failures::take_in_txn(&txn, AT_ONCE).await?;
                for failures in &unreported {
                    self.outbox.audit(&txn, self.failed_login(txn.as_ref(), failures).await?).await?;
                }
                Ok(unreported.len() as u64)
            });
            if told.await? < AT_ONCE {
                break;
            }
        }
        Ok(())
    }

    async fn failed_login(&self, db: &impl sea_orm::ConnectionTrait, failures: &Failures) -> Result<Act<'static>> {
        let about = users::by_login(db, &failures.name).await?.map(|account| account.id);
        Ok(Act {
            action: "auth.login_failed",
            object_type: "login",
            object_id: failures.name.clone(),
            after: Some(json!({"failures": failures.count})),
            about,
            address: Some(failures.address.clone()),
            ..Act::default()
        })
    }
}
