//! Erases a user's personal data from the audit log and from reports by and about
//! them.

use fenz_core::{Result, UserId};
use fenz_database::transact;
use fenz_events::{AuditEntry, Batch, UserDataEraser};
use serde_json::json;

use super::App;
use crate::{
    domain::{
        audit::Entry,
        report::{Object, Report, Status},
    },
    events,
    store::{audit, reports, user_locks},
};

/// Audit entries per transaction.
const ENTRY_BATCH: u64 = 500;
/// Reports per run.
const REPORT_BATCH: u64 = 100;
/// The note on a report that an erasure closes.
const ACCOUNT_DELETED_NOTE: &str = "The account no longer exists.";

/// This service's part of an erasure.
pub struct UserEraser(pub App);

#[async_trait::async_trait]
impl UserDataEraser for UserEraser {
    async fn erase(&self, user: UserId) -> Result<Batch> {
        let app = &self.0;
        let mut removed = app.blank_entries(user).await?;
        for id in reports::by_reporter(&app.db, user, REPORT_BATCH).await? {
            app.anonymize_reporter(id, user).await?;
            removed += 1;
        }
        for id in reports::by_reported_user(&app.db, user, REPORT_BATCH).await? {
            app.anonymize_reported_user(id).await?;
            removed += 1;
        }
        removed += reports::unassign(&app.db, user).await?;
        if removed == 0 {
            user_locks::delete(&app.db, user).await?;
        }
        Ok(Batch { removed, done: removed == 0 })
    }
}

impl App {
    /// Blanks a batch of the entries by or about a user, and records that in an
    /// entry.
    async fn blank_entries(&self, user: UserId) -> Result<u64> {
        transact(&self.db, |txn| async move {
            let blanked = audit::blank_in_txn(&*txn, user, ENTRY_BATCH).await?;
            if blanked > 0 {
                let entry = Entry {
                    id: self.ids.next(),
                    actor: UserId(0),
                    action: "audit.blanked".to_owned(),
                    object_type: "user".to_owned(),
                    object_id: user.to_string(),
                    before: String::new(),
                    after: json!({ "entries": blanked }).to_string(),
                    request_id: String::new(),
                    address: String::new(),
                    // It has no personal data, so it must not be blanked itself.
                    subject: UserId(0),
                    created_at: self.clock.now(),
                    is_blanked: false,
                };
                audit::insert(&*txn, entry).await?;
            }
            Ok(blanked)
        })
        .await
    }

    /// Removes the reporter and their text; the report can still be resolved.
    async fn anonymize_reporter(&self, id: i64, user: UserId) -> Result<()> {
        transact(&self.db, |txn| async move {
            let Some((mut report, claim)) = reports::lock_in_txn(&*txn, id).await? else { return Ok(()) };
            if report.reporter == user {
                report.reporter = UserId(0);
                report.text.clear();
                reports::save_in_txn(&*txn, &report).await?;
                // `save_in_txn` clears the claim of an action in progress.
                reports::set_claim_in_txn(&*txn, id, claim).await?;
            }
            Ok(())
        })
        .await
    }

    /// Removes the reported user and object, and dismisses the report if it is
    /// open.
    async fn anonymize_reported_user(&self, id: i64) -> Result<()> {
        self.outbox
            .transact(|txn| async move {
                let Some((before, _)) = reports::lock_in_txn(&*txn, id).await? else { return Ok(()) };
                let mut after = Report {
                    title: String::new(),
                    text: String::new(),
                    object: Object { id: 0, ..before.object },
                    reported: UserId(0),
                    ..before.clone()
                };
                if before.status.is_open() {
                    after.status = Status::Dismissed;
                    ACCOUNT_DELETED_NOTE.clone_into(&mut after.note);
                    after.updated_at = self.clock.now();
                }
                reports::save_in_txn(&*txn, &after).await?;
                if !before.status.is_open() {
                    return Ok(());
                }
                let entry = AuditEntry {
                    action: "report.dismissed",
                    object_type: "report",
                    object_id: id.to_string(),
                    ..AuditEntry::default()
                };
                self.outbox.audit(&txn, entry).await?;
                if after.reporter.0 > 0 {
                    let event =
                        events::outcome_for_reporter(&Report { object: before.object, ..after }, self.clock.now());
                    self.outbox.emit(&txn, &event).await?;
                }
                Ok(())
            })
            .await
    }
}
