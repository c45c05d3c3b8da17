//! A user reports a video or a channel.

use fenz_chassis::{Error, Reason, Result, Role, UserId, database::transact, identity::User};

use super::App;
use crate::{
    domain::{
        report::{Object, Report, Status},
        text,
    },
    store::{reports, turns},
};

/// What a user says.
#[derive(Clone, Debug)]
pub struct NewReport {
    pub object: Object,
    pub reason: String,
    pub text: String,
}

impl App {
    /// # Errors
    /// `VIDEO_NOT_FOUND`, `CHANNEL_NOT_FOUND`, also for what the user cannot see;
    /// `PERMISSION_DENIED` for their own; `ALREADY_REPORTED`; `RATE_LIMITED`.
    pub async fn create_report(&self, by: &User, new: NewReport) -> Result<Report> {
        let object = new.object;
        let found = self.owners.describe(object).await?;
        if found.owner == by.id.0 {
            return Err(Error::new(Reason::PermissionDenied, "what is your own you need not report"));
        }
        if !found.is_visible && by.role < Role::Moderator {
            return Err(self.owners.not_found(object));
        }
        let now = self.clock.now();
        let report = Report {
            id: self.ids.next(),
            reporter: by.id.0,
            object,
            reported: found.owner,
            title: text::short(&found.title, 300),
            reason: new.reason,
            text: text::short(&new.text, 2_000),
            status: Status::Pending,
            assignee: 0,
            action: None,
            note: String::new(),
            ban_until: None,
            created_at: now,
            updated_at: now,
        };
        let (report, stored) = (&report, transact(&self.db, |txn| self.store_in_txn(txn, &report)));
        match stored.await {
            Ok(()) => Ok(report.clone()),
            Err(error) if error.is_duplicate() => Err(already_reported()),
            Err(error) => Err(error),
        }
    }

    async fn store_in_txn(&self, txn: fenz_chassis::database::Txn, report: &Report) -> Result<()> {
        // One at a time for each user, so that many at once stay within the limit.
        turns::take_in_txn(&*txn, &[report.reporter, report.reported]).await?;
        if self.orders.is_erased(&*txn, UserId(report.reporter)).await? {
            return Err(Error::new(Reason::Unauthenticated, "the account no longer exists"));
        }
        if self.orders.is_erased(&*txn, UserId(report.reported)).await? {
            return Err(self.owners.not_found(report.object));
        }
        let (open, has_same) = reports::open_of(&*txn, report.reporter, report.object).await?;
        if has_same {
            return Err(already_reported());
        }
        let most = self.config.max_open_reports;
        if open >= most {
            let message = format!("{most} of your reports are still open; wait until some are closed");
            return Err(Error::new(Reason::RateLimited, message));
        }
        Ok(reports::insert(&*txn, report).await?)
    }
}

fn already_reported() -> Error {
    Error::new(Reason::AlreadyReported, "your report of this is still open")
}
