//! A moderator works on a report.
//!
//! Resolving may hide something or ban somebody, in another service: that
//! happens first, on the moderator's behalf, and can be repeated. Meanwhile the
//! report is claimed, so that nobody else decides otherwise; if it fails, or
//! the process ends half way, the report is as it was.

use std::time::Duration;

use fenz_chassis::{Error, Reason, Result, UserId, database::Txn, database::transact};
use fenz_events::Act;

use super::{App, reports::not_found};
use crate::{
    clients::OnBehalf,
    domain::{
        change::{Change, acts},
        report::{Action, Report},
    },
    events,
    store::reports,
};

/// How long carrying an action out may take; longer than any call.
const CLAIM: Duration = Duration::from_secs(30);

impl App {
    /// # Errors
    /// `REPORT_NOT_FOUND`, `REPORT_CLOSED`, `PERMISSION_DENIED`,
    /// `INVALID_PARAMS`; what the other service says of the action;
    /// `UNAVAILABLE` without auth where somebody else is assigned.
    pub async fn update_report(
        &self,
        moderator: UserId,
        behalf: &OnBehalf,
        id: i64,
        change: &Change,
    ) -> Result<Report> {
        change.check(self.clock.now())?;
        self.require_staff(moderator, change.assignee).await?;
        let (Some(action @ (Action::Hide | Action::Ban)), true) = (change.action, change.status.is_some()) else {
            return self.finish(moderator, id, change, 0).await;
        };
        let acting = self.ids.next();
        let decided = self.claim(moderator, id, change, acting).await?;
        let done = match self.carry_out(behalf, action, &decided).await {
            Ok(()) => self.finish(moderator, id, change, acting).await,
            Err(error) => Err(error),
        };
        if done.is_err()
            && let Err(error) = reports::drop_claim(&self.db, id, acting).await
        {
            // It ends by itself.
            tracing::warn!(%error, report.id = id, "a report stays claimed for a moment");
        }
        done
    }

    /// Who is assigned can work on it: the moderator themselves, or another who
    /// is one as of now.
    async fn require_staff(&self, moderator: UserId, assignee: Option<i64>) -> Result<()> {
        let Some(assignee) = assignee.filter(|id| *id != 0 && *id != moderator.0) else { return Ok(()) };
        if self.owners.is_staff(assignee).await? {
            return Ok(());
        }
        let message = "names no moderator or administrator who may sign in";
        Err(Error::field(Reason::InvalidParams, "assigneeId", message))
    }

    async fn carry_out(&self, behalf: &OnBehalf, action: Action, report: &Report) -> Result<()> {
        match action {
            Action::Hide => self.owners.hide(behalf, report.object, &report.note).await,
            Action::Ban => self.owners.ban(behalf, report.reported, report.ban_until, &report.note).await,
            Action::Nothing | Action::Warn => Ok(()),
        }
    }

    /// Keeps others from closing the report while its action is carried out.
    async fn claim(&self, moderator: UserId, id: i64, change: &Change, acting: i64) -> Result<Report> {
        transact(&self.db, |txn| async move {
            let (_, after) = self.changed_in_txn(&txn, moderator, id, change, acting).await?;
            reports::set_claim_in_txn(&*txn, id, Some((acting, self.clock.after(CLAIM)))).await?;
            Ok(after)
        })
        .await
    }

    /// The report before and after the change, if it may be made now.
    async fn changed_in_txn(
        &self,
        txn: &Txn,
        moderator: UserId,
        id: i64,
        change: &Change,
        acting: i64,
    ) -> Result<(Report, Report)> {
        let now = self.clock.now();
        let (before, claim) = reports::lock_in_txn(&**txn, id).await?.ok_or_else(not_found)?;
        let after = change.apply(&before, moderator, now)?;
        if claim.is_some_and(|(by, until)| by != acting && until > now) {
            let error = Error::new(Reason::Unavailable, "somebody is just resolving this report; look again");
            return Err(error.retry_after(Duration::from_secs(1)));
        }
        Ok((before, after))
    }

    /// Stores the change and tells of it.
    async fn finish(&self, moderator: UserId, id: i64, change: &Change, acting: i64) -> Result<Report> {
        self.outbox
            .transact(|txn| async move {
                let (before, after) = self.changed_in_txn(&txn, moderator, id, change, acting).await?;
                if after != before {
                    reports::save_in_txn(&*txn, &after).await?;
                    self.tell_in_txn(&txn, moderator, &before, &after).await?;
                }
                Ok(after)
            })
            .await
    }

    async fn tell_in_txn(&self, txn: &Txn, moderator: UserId, before: &Report, after: &Report) -> Result<()> {
        for action in acts(before, after) {
            let act = Act {
                actor: Some(moderator),
                action,
                object_type: "report",
                object_id: after.id.to_string(),
                before: Some(before.worked_on()),
                after: Some(after.worked_on()),
                about: Some(UserId(after.reported)),
                address: None,
            };
            self.outbox.audit(txn, act).await?;
        }
        if after.status.is_open() {
            return Ok(());
        }
        let now = self.clock.now();
        if after.reporter > 0 {
            self.outbox.emit(txn, &events::outcome_for_reporter(after, now)).await?;
        }
        // Of what other services do they tell themselves.
        if after.action == Some(Action::Warn) {
            self.outbox.emit(txn, &events::warning(after, now)).await?;
        }
        Ok(())
    }
}
