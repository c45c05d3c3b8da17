//! How this service forgets a user: what is personal in the audit log, what
//! they reported, and what was reported about them.

use fenz_chassis::{Result, UserId, database::transact};
use fenz_events::{Act, Eraser, Portion};
use serde_json::json;

use super::App;
use crate::{
    domain::{
        audit::Entry,
        report::{Object, Report, Status},
    },
    events,
    store::{audit, reports, turns},
};

/// Rows that are worked on in one transaction.
const ENTRIES: u64 = 500;
const REPORTS: u64 = 100;
/// Told to those who reported somebody who is gone.
const GONE: &str = "The account no longer exists.";

/// Carries out this service's part of an erasure.
pub struct Forgetting(pub App);

#[async_trait::async_trait]
impl Eraser for Forgetting {
    async fn erase(&self, user: UserId) -> Result<Portion> {
        let app = &self.0;
        let mut removed = app.blank_entries(user).await?;
        for id in reports::by(&app.db, user.0, REPORTS).await? {
            app.forget_reporter(id, user).await?;
            removed += 1;
        }
        for id in reports::about(&app.db, user.0, REPORTS).await? {
            app.forget_reported(id).await?;
            removed += 1;
        }
        removed += reports::give_back(&app.db, user.0).await?;
        if removed == 0 {
            turns::remove(&app.db, user.0).await?;
        }
        Ok(Portion { removed, done: removed == 0 })
    }
}

impl App {
    /// Blanks a portion of the entries by or about a user, and says so in an
    /// entry of its own.
    async fn blank_entries(&self, user: UserId) -> Result<u64> {
        transact(&self.db, |txn| async move {
            let blanked = audit::blank_in_txn(&*txn, user.0, ENTRIES).await?;
            if blanked > 0 {
                let entry = Entry {
                    id: self.ids.next(),
                    actor: 0,
                    action: "audit.blanked".to_owned(),
                    object_type: "user".to_owned(),
                    object_id: user.to_string(),
                    before: String::new(),
                    after: json!({ "entries": blanked }).to_string(),
                    request_id: String::new(),
                    address: String::new(),
                    // Nothing personal is in it, so it is not blanked itself.
                    subject: 0,
                    created_at: self.clock.now(),
                    is_blanked: false,
                };
                audit::insert(&*txn, entry).await?;
            }
            Ok(blanked)
        })
        .await
    }

    /// What a user reported stays to be worked on, without who said it and what.
    async fn forget_reporter(&self, id: i64, user: UserId) -> Result<()> {
        transact(&self.db, |txn| async move {
            let Some((mut report, claim)) = reports::lock_in_txn(&*txn, id).await? else { return Ok(()) };
            if report.reporter == user.0 {
                report.reporter = 0;
                report.text.clear();
                reports::save_in_txn(&*txn, &report).await?;
                // Whoever is at work on it goes on.
                reports::set_claim_in_txn(&*txn, id, claim).await?;
            }
            Ok(())
        })
        .await
    }

    /// That something of a user's was reported stays, without whose and what it
    /// was; there is nothing left to be done about it.
    async fn forget_reported(&self, id: i64) -> Result<()> {
        self.outbox
            .transact(|txn| async move {
                let Some((before, _)) = reports::lock_in_txn(&*txn, id).await? else { return Ok(()) };
                let gone = Object { id: 0, ..before.object };
                let mut after =
                    Report { title: String::new(), text: String::new(), object: gone, reported: 0, ..before.clone() };
                if before.status.is_open() {
                    after.status = Status::Dismissed;
                    GONE.clone_into(&mut after.note);
                    after.updated_at = self.clock.now();
                }
                reports::save_in_txn(&*txn, &after).await?;
                if !before.status.is_open() {
                    return Ok(());
                }
                let act = Act {
                    action: "report.dismissed",
                    object_type: "report",
                    object_id: id.to_string(),
                    ..Act::default()
                };
                self.outbox.audit(&txn, act).await?;
                if after.reporter > 0 {
                    let told =
                        events::outcome_for_reporter(&Report { object: before.object, ..after }, self.clock.now());
                    self.outbox.emit(&txn, &told).await?;
                }
                Ok(())
            })
            .await
    }
}
