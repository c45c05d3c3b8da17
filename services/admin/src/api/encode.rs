//! Conversions between domain types and messages.

use fenz_contract::{admin::v1 as pb, jobs::v1::JobQueue};
use fenz_core::{Error, Reason, Result};

use crate::domain::{
    audit::Entry,
    erasure::{Erasure, Step},
    report::{Action, Report},
};

pub fn entry(entry: Entry) -> pb::AuditEntry {
    pb::AuditEntry {
        id: entry.id,
        actor_id: entry.actor.0,
        action: entry.action,
        object_type: entry.object_type,
        object_id: entry.object_id,
        before: entry.before,
        after: entry.after,
        request_id: entry.request_id,
        address: entry.address,
        created_at: Some(entry.created_at.into()),
    }
}

pub fn erasure(erasure: Erasure) -> pb::Erasure {
    pb::Erasure {
        id: erasure.id,
        user_id: erasure.user.0,
        status: if erasure.done_at.is_some() { "done" } else { "running" }.to_owned(),
        services: erasure.steps.into_iter().map(step).collect(),
        attempts: erasure.attempts,
        requested_at: Some(erasure.requested_at.into()),
        done_at: erasure.done_at.map(Into::into),
    }
}

fn step(step: Step) -> pb::ErasureStep {
    pb::ErasureStep {
        service: step.service,
        status: if step.done_at.is_some() { "done" } else { "pending" }.to_owned(),
        removed: step.removed,
        done_at: step.done_at.map(Into::into),
    }
}

/// The jobs of a service; of one that did not answer there is no queue.
pub fn jobs(service: &str, queue: Option<JobQueue>) -> pb::ServiceJobs {
    let status = if queue.is_some() { "ok" } else { "unavailable" };
    let JobQueue { counts, dead, dead_total } = queue.unwrap_or_default();
    pb::ServiceJobs { service: service.to_owned(), status: status.to_owned(), counts, dead, dead_total }
}

pub fn report(report: Report) -> pb::Report {
    pb::Report {
        id: report.id,
        reporter_id: report.reporter.0,
        object_type: report.object.kind.as_str().to_owned(),
        object_id: report.object.id,
        reported_user_id: report.reported.0,
        object_title: report.title,
        reason: report.reason,
        text: report.text,
        status: report.status.as_str().to_owned(),
        assignee_id: report.assignee.0,
        action: report.action.map_or("", Action::as_str).to_owned(),
        note: report.note,
        ban_until: report.ban_until.map(Into::into),
        created_at: Some(report.created_at.into()),
        updated_at: Some(report.updated_at.into()),
    }
}

/// An enum value in a request.
pub fn parse<T>(field: &str, name: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
    let bad = || Error::field(Reason::InvalidParams, field, "is not a known value");
    name.map(|name| parse(name).ok_or_else(bad)).transpose()
}
