//! Moderators assign, resolve and dismiss reports.
//!
//! Resolving may hide an object or ban a user, by an idempotent call to another
//! service before the report is stored. Meanwhile the report is claimed, so that
//! no other moderator closes it; if the call fails, or the process stops, the
//! report is unchanged.

use std::time::Duration;

use fenz_core::{Error, Reason, Result, UserId};
use fenz_database::{Txn, transact};
use fenz_events::AuditEntry;

use super::{App, reports::not_found};
use crate::{
    domain::{
        change::{Change, audit_actions},
        report::{Action, Report},
    },
    events,
    moderation_client::ForwardedAuthorization,
    store::reports,
};

/// How long a claim is valid; longer than the timeout of any call.
const CLAIM_TTL: Duration = Duration::from_secs(30);

impl App {
    /// # Errors
    /// `REPORT_NOT_FOUND`, `REPORT_CLOSED`, `PERMISSION_DENIED`,
    /// `INVALID_PARAMS`; the error of the other service; `UNAVAILABLE` when another
    /// user is to be assigned and auth does not answer.
    pub async fn update_report(
        &self,
        moderator: UserId,
        authorization: &ForwardedAuthorization,
        id: i64,
        change: &Change,
    ) -> Result<Report> {
        change.check(self.clock.now())?;
        self.require_staff(moderator, change.assignee).await?;
        let (Some(action @ (Action::Hide | Action::Ban)), true) = (change.action, change.status.is_some()) else {
            return self.store_change(moderator, id, change, 0).await;
        };
        let claim_id = self.ids.next();
        let decided = self.claim(moderator, id, change, claim_id).await?;
        let done = match self.execute(authorization, action, &decided).await {
            Ok(()) => self.store_change(moderator, id, change, claim_id).await,
            Err(error) => Err(error),
        };
        if done.is_err()
            && let Err(error) = reports::drop_claim(&self.db, id, claim_id).await
        {
            tracing::warn!(%error, report.id = %id, "cannot release the claim of a report; it expires");
        }
        done
    }

    /// Checks that an assignee other than the caller is currently a moderator.
    async fn require_staff(&self, moderator: UserId, assignee: Option<UserId>) -> Result<()> {
        let Some(assignee) = assignee.filter(|id| id.0 != 0 && *id != moderator) else { return Ok(()) };
        if self.moderation.is_staff(assignee).await? {
            return Ok(());
        }
        let message = "names no moderator or administrator who may sign in";
        Err(Error::field(Reason::InvalidParams, "assigneeId", message))
    }

    async fn execute(&self, authorization: &ForwardedAuthorization, action: Action, report: &Report) -> Result<()> {
        match action {
            Action::Hide => self.moderation.hide(authorization, report.object, &report.note).await,
            Action::Ban => self.moderation.ban(authorization, report.reported, report.ban_until, &report.note).await,
            Action::Nothing | Action::Warn => Ok(()),
        }
    }

    /// Prevents others from closing the report during its action.
    async fn claim(&self, moderator: UserId, id: i64, change: &Change, claim_id: i64) -> Result<Report> {
        transact(&self.db, |txn| async move {
            let (_, after) = self.changed_in_txn(&txn, moderator, id, change, claim_id).await?;
            reports::set_claim_in_txn(&*txn, id, Some((claim_id, self.clock.after(CLAIM_TTL)))).await?;
            Ok(after)
        })
        .await
    }

    /// Locks the report; returns it before and after the change, if it is allowed.
    async fn changed_in_txn(
        &self,
        txn: &Txn,
        moderator: UserId,
        id: i64,
        change: &Change,
        claim_id: i64,
    ) -> Result<(Report, Report)> {
        let now = self.clock.now();
        let (before, claim) = reports::lock_in_txn(&**txn, id).await?.ok_or_else(not_found)?;
        let after = change.apply(&before, moderator, now)?;
        if claim.is_some_and(|(by, until)| by != claim_id && until > now) {
            let error = Error::new(Reason::Unavailable, "another moderator is resolving this report; try again");
            return Err(error.retry_after(Duration::from_secs(1)));
        }
        Ok((before, after))
    }

    /// Stores the change and publishes its events.
    async fn store_change(&self, moderator: UserId, id: i64, change: &Change, claim_id: i64) -> Result<Report> {
        self.outbox
            .transact(|txn| async move {
                let (before, after) = self.changed_in_txn(&txn, moderator, id, change, claim_id).await?;
                if after != before {
                    reports::save_in_txn(&*txn, &after).await?;
                    self.publish_in_txn(&txn, moderator, &before, &after).await?;
                }
                Ok(after)
            })
            .await
    }

    async fn publish_in_txn(&self, txn: &Txn, moderator: UserId, before: &Report, after: &Report) -> Result<()> {
        for action in audit_actions(before, after) {
            let entry = AuditEntry {
                actor: Some(moderator),
                action,
                object_type: "report",
                object_id: after.id.to_string(),
                before: Some(before.audit_state()),
                after: Some(after.audit_state()),
                about: Some(after.reported),
                address: None,
            };
            self.outbox.audit(txn, entry).await?;
        }
        if after.status.is_open() {
            return Ok(());
        }
        let now = self.clock.now();
        if after.reporter.0 > 0 {
            self.outbox.emit(txn, &events::outcome_for_reporter(after, now)).await?;
        }
        // Hiding and banning are published by the services that do it.
        if after.action == Some(Action::Warn) {
            self.outbox.emit(txn, &events::warning(after, now)).await?;
        }
        Ok(())
    }
}
