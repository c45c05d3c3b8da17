//! How moderators may change reports.

use chrono::{DateTime, Utc};
use fenz_core::{Error, Reason, Result, UserId};

use super::report::{Action, Report, Status};

/// The fields to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub status: Option<Status>,
    /// 0 unassigns the report.
    pub assignee: Option<UserId>,
    pub action: Option<Action>,
    pub ban_until: Option<DateTime<Utc>>,
    pub note: Option<String>,
}

impl Change {
    /// Checks the combination of fields.
    ///
    /// # Errors
    /// `INVALID_PARAMS`.
    pub fn check(&self, now: DateTime<Utc>) -> Result<()> {
        if self.action.is_some() && self.status != Some(Status::Resolved) {
            return Err(Error::field(Reason::InvalidParams, "action", "is only allowed with the status resolved"));
        }
        let Some(until) = self.ban_until else { return Ok(()) };
        if self.action != Some(Action::Ban) {
            return Err(Error::field(Reason::InvalidParams, "banUntil", "is only allowed with the action ban"));
        }
        if until <= now {
            return Err(Error::field(Reason::InvalidParams, "banUntil", "must be in the future"));
        }
        Ok(())
    }

    /// The report after the change.
    ///
    /// # Errors
    /// `REPORT_CLOSED`; `PERMISSION_DENIED` for closing a report about oneself.
    pub fn apply(&self, report: &Report, moderator: UserId, now: DateTime<Utc>) -> Result<Report> {
        if !report.status.is_open() {
            return Err(Error::new(Reason::ReportClosed, "the report was resolved or dismissed, which is final"));
        }
        let mut next = report.clone();
        next.status = self.status.unwrap_or(report.status);
        if !next.status.is_open() && report.reported == moderator {
            return Err(Error::new(Reason::PermissionDenied, "another moderator must close a report about yourself"));
        }
        next.assignee = self.assignee.unwrap_or(report.assignee);
        if let Some(note) = &self.note {
            next.note.clone_from(note);
        }
        if next.status == Status::Resolved {
            next.action = Some(self.action.unwrap_or(Action::Nothing));
            next.ban_until = self.ban_until;
        }
        if next != *report {
            next.updated_at = now;
        }
        Ok(next)
    }
}

/// The changes of a report, as actions of the audit log.
pub fn audit_actions(before: &Report, after: &Report) -> Vec<&'static str> {
    let mut actions = Vec::new();
    if before.assignee != after.assignee {
        actions.push("report.assigned");
    }
    if before.status != after.status {
        actions.push(match after.status {
            Status::Pending => "report.reopened",
            Status::Reviewed => "report.reviewed",
            Status::Resolved => "report.resolved",
            Status::Dismissed => "report.dismissed",
        });
    }
    if actions.is_empty() && before != after {
        actions.push("report.noted");
    }
    actions
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::domain::report::{Kind, Object};

    const MODERATOR: UserId = UserId(9);

    fn report(status: Status) -> Report {
        let at = DateTime::from_timestamp(1_000, 0).unwrap();
        Report {
            id: 1,
            reporter: UserId(2),
            object: Object { kind: Kind::Video, id: 3 },
            reported: UserId(4),
            title: "t".into(),
            reason: "spam".into(),
            text: String::new(),
            status,
            assignee: UserId(0),
            action: None,
            note: String::new(),
            ban_until: None,
            created_at: at,
            updated_at: at,
        }
    }

    fn to(status: Status) -> Change {
        Change { status: Some(status), ..Change::default() }
    }

    #[test]
    fn open_reports_change_to_any_status_and_closed_ones_are_final() {
        let now = report(Status::Pending).created_at + TimeDelta::seconds(1);
        for from in [Status::Pending, Status::Reviewed] {
            for next in [Status::Pending, Status::Reviewed, Status::Resolved, Status::Dismissed] {
                let after = to(next).apply(&report(from), MODERATOR, now).unwrap();
                assert_eq!(after.status, next);
                assert_eq!(after.action, (next == Status::Resolved).then_some(Action::Nothing));
                assert_eq!(after.updated_at == now, from != next);
            }
        }
        for closed in [Status::Resolved, Status::Dismissed] {
            for change in [to(closed), to(Status::Pending), Change { note: Some("n".into()), ..Change::default() }] {
                let refused = change.apply(&report(closed), MODERATOR, now).unwrap_err();
                assert_eq!(refused.reason, Reason::ReportClosed);
            }
        }
    }

    #[test]
    fn nobody_closes_a_report_about_themselves() {
        let open = report(Status::Pending);
        for status in [Status::Resolved, Status::Dismissed] {
            let refused = to(status).apply(&open, UserId(4), open.created_at).unwrap_err();
            assert_eq!(refused.reason, Reason::PermissionDenied);
        }
        to(Status::Reviewed).apply(&open, UserId(4), open.created_at).unwrap();
    }

    #[test]
    fn actions_require_resolved_and_ends_require_bans() {
        let now = report(Status::Pending).created_at;
        let (soon, resolved) = (Some(now + TimeDelta::hours(1)), to(Status::Resolved));
        let ban = Change { action: Some(Action::Ban), ..resolved.clone() };
        ban.check(now).unwrap();
        Change { ban_until: soon, ..ban.clone() }.check(now).unwrap();
        for bad in [
            Change { action: Some(Action::Nothing), ..Change::default() },
            Change { action: Some(Action::Warn), ..to(Status::Dismissed) },
            Change { action: Some(Action::Hide), ban_until: soon, ..resolved },
            Change { ban_until: soon, ..Change::default() },
            Change { ban_until: Some(now), ..ban },
        ] {
            assert_eq!(bad.check(now).unwrap_err().reason, Reason::InvalidParams, "{bad:?}");
        }
    }

    #[test]
    fn each_change_has_its_audit_action() {
        let open = report(Status::Pending);
        let of = |change: Change| audit_actions(&open, &change.apply(&open, MODERATOR, open.created_at).unwrap());
        assert_eq!(of(Change::default()), Vec::<&str>::new());
        assert_eq!(of(Change { assignee: Some(UserId(9)), ..Change::default() }), ["report.assigned"]);
        assert_eq!(
            of(Change { assignee: Some(UserId(9)), ..to(Status::Reviewed) }),
            ["report.assigned", "report.reviewed"]
        );
        assert_eq!(of(Change { note: Some("n".into()), ..Change::default() }), ["report.noted"]);
        assert_eq!(of(to(Status::Dismissed)), ["report.dismissed"]);
        let reviewed = report(Status::Reviewed);
        let back = to(Status::Pending).apply(&reviewed, MODERATOR, open.created_at).unwrap();
        assert_eq!(audit_actions(&reviewed, &back), ["report.reopened"]);
    }
}
