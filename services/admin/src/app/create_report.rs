//! A user reports a video or a channel.

use fenz_core::{Error, Reason, Result, Role, User, UserId};
use fenz_database::{is_duplicate, transact};

use super::App;
use crate::{
    domain::{
        report::{Object, Report, Status},
        text,
    },
    store::{reports, user_locks},
};

#[derive(Clone, Debug)]
pub struct NewReport {
    pub object: Object,
    pub reason: String,
    pub text: String,
}

impl App {
    /// # Errors
    /// `VIDEO_NOT_FOUND`, `CHANNEL_NOT_FOUND`, also for hidden objects;
    /// `PERMISSION_DENIED` for their own; `ALREADY_REPORTED`; `RATE_LIMITED`.
    pub async fn create_report(&self, caller: &User, new: NewReport) -> Result<Report> {
        let object = new.object;
        let found = self.moderation.get_object(object).await?;
        if found.owner == caller.id {
            return Err(Error::new(Reason::PermissionDenied, "you cannot report your own videos or channel"));
        }
        if !found.is_visible && caller.role < Role::Moderator {
            return Err(object.not_found());
        }
        let now = self.clock.now();
        let report = Report {
            id: self.ids.next(),
            reporter: caller.id,
            object,
            reported: found.owner,
            title: text::truncate(&found.title, 300),
            reason: new.reason,
            text: text::truncate(&new.text, 2_000),
            status: Status::Pending,
            assignee: UserId(0),
            action: None,
            note: String::new(),
            ban_until: None,
            created_at: now,
            updated_at: now,
        };
        match transact(&self.db, |txn| self.store_in_txn(txn, &report)).await {
            Ok(()) => Ok(report),
            Err(error) if is_duplicate(&error) => Err(already_reported()),
            Err(error) => Err(error),
        }
    }

    async fn store_in_txn(&self, txn: fenz_database::Txn, report: &Report) -> Result<()> {
        // Serializes a user's reports, so that concurrent ones respect the limit.
        user_locks::lock_in_txn(&*txn, &[report.reporter, report.reported]).await?;
        if self.erasure_runner.is_erased(&*txn, report.reporter).await? {
            return Err(Error::new(Reason::Unauthenticated, "the account no longer exists"));
        }
        if self.erasure_runner.is_erased(&*txn, report.reported).await? {
            return Err(report.object.not_found());
        }
        let (open, has_same) = reports::count_open(&*txn, report.reporter, report.object).await?;
        if has_same {
            return Err(already_reported());
        }
        let max = self.config.max_open_reports;
        if open >= max {
            let message = format!("{max} of your reports are still open; wait until some are closed");
            return Err(Error::new(Reason::RateLimited, message));
        }
        Ok(reports::insert(&*txn, report).await?)
    }
}

fn already_reported() -> Error {
    Error::new(Reason::AlreadyReported, "your report of this is still open")
}
