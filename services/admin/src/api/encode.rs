//! Conversions between domain types and messages.

use chrono::{DateTime, Utc};
use fenz_contract::admin::v1 as pb;
use fenz_core::{Error, Reason, Result};
use pbjson_types::Timestamp;

use crate::{
    domain::{
        audit::Entry,
        erasure::{Erasure, Step},
        report::{Action, Report},
    },
    events,
};

pub fn entry(entry: Entry) -> pb::AuditEntry {
    pb::AuditEntry {
        id: entry.id,
        actor_id: entry.actor,
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
        user_id: erasure.user,
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

pub fn report(report: Report) -> pb::Report {
    pb::Report {
        id: report.id,
        reporter_id: report.reporter,
        object_type: report.object.kind.as_str().to_owned(),
        object_id: report.object.id,
        reported_user_id: report.reported,
        object_title: report.title,
        reason: report.reason,
        text: report.text,
        status: report.status.as_str().to_owned(),
        assignee_id: report.assignee,
        action: report.action.map_or("", Action::as_str).to_owned(),
        note: report.note,
        ban_until: report.ban_until.map(Into::into),
        created_at: Some(report.created_at.into()),
        updated_at: Some(report.updated_at.into()),
    }
}

/// A timestamp in a request.
pub fn time(field: &str, at: Option<Timestamp>) -> Result<Option<DateTime<Utc>>> {
    let bad = || Error::field(Reason::InvalidParams, field, "should be a time such as 2026-01-31T12:00:00Z");
    at.map(|at| events::time(at).ok_or_else(bad)).transpose()
}

/// An enum value in a request.
pub fn parse<T>(field: &str, name: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
    let bad = || Error::field(Reason::InvalidParams, field, "is not a known value");
    name.map(|name| parse(name).ok_or_else(bad)).transpose()
}
