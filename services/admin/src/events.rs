//! The events that the service consumes and publishes.

use chrono::{DateTime, Utc};
use fenz_chassis::Platform;
use fenz_contract::{
    events::v1::{AuditRecorded, UserDeleted, UserErased, UserModerated},
    time,
};
use fenz_core::UserId;
use fenz_events::{Consumer, Database, HandlerError, ReceivedEvent};

use crate::store::Migrator;
use crate::{
    app::App,
    domain::{
        audit::Entry,
        erasure::ErasureEvent,
        report::{Report, Status},
        text,
    },
};

/// Starts the consumer of audit entries and of the events of erasures.
pub async fn start_consumer(platform: &Platform, db: &Database<Migrator>, app: &App) -> anyhow::Result<()> {
    let (recording, deleting, erasing) = (app.clone(), app.clone(), app.clone());
    Consumer::new()
        .on(move |txn, received: ReceivedEvent<AuditRecorded>| {
            let app = recording.clone();
            async move {
                let at = received.event.occurred_at.and_then(time).unwrap_or(received.occurred_at);
                Ok(app.record_in_txn(&txn, entry(&received.event, at)).await?)
            }
        })
        .on(move |txn, received: ReceivedEvent<UserDeleted>| {
            let app = deleting.clone();
            async move {
                let event = &received.event;
                let at = event.occurred_at.and_then(time).unwrap_or(received.occurred_at);
                // Version 0 is reserved for erasures whose request has not arrived.
                let erasure = erasure(event.erasure_id, UserId(event.user_id), event.version.max(1), at)?;
                app.user_deleted_in_txn(&txn, event, erasure).await
            }
        })
        .on(move |txn, received: ReceivedEvent<UserErased>| {
            let app = erasing.clone();
            async move {
                let event = &received.event;
                let at = event.occurred_at.and_then(time).unwrap_or(received.occurred_at);
                if event.service.is_empty() || event.service.len() > 32 {
                    return Err(HandlerError::invalid("the event names no service"));
                }
                let erasure = erasure(event.erasure_id, UserId(event.user_id), 0, at)?;
                Ok(app.user_erased_in_txn(&txn, erasure, &event.service, event.removed).await?)
            }
        })
        .start(platform, db)
        .await
}

fn erasure(id: i64, user: UserId, version: i64, at: DateTime<Utc>) -> Result<ErasureEvent, HandlerError> {
    if id > 0 && user.0 > 0 {
        Ok(ErasureEvent { id, user, version, at })
    } else {
        Err(HandlerError::invalid("the event names no user"))
    }
}

/// The audit entry of an event, truncated to the lengths of the columns.
fn entry(event: &AuditRecorded, created_at: DateTime<Utc>) -> Entry {
    Entry {
        id: 0,
        actor: UserId(event.actor_id.max(0)),
        action: text::truncate(&event.action, 64),
        object_type: text::truncate(&event.object_type, 32),
        object_id: text::truncate(&event.object_id, 254),
        before: text::truncate_long(&event.before),
        after: text::truncate_long(&event.after),
        request_id: text::truncate(&event.request_id, 64),
        address: text::truncate(&event.address, 64),
        subject: UserId(event.subject_user_id.max(0)),
        created_at,
        is_blanked: false,
    }
}

/// The outcome of a report, for the reporter.
pub fn outcome_for_reporter(report: &Report, now: DateTime<Utc>) -> UserModerated {
    let outcome = if report.status == Status::Resolved { "report_resolved" } else { "report_dismissed" };
    moderated(report.reporter, outcome, report, now)
}

/// A warning, for the owner of the reported object.
pub fn warning(report: &Report, now: DateTime<Utc>) -> UserModerated {
    moderated(report.reported, "warned", report, now)
}

fn moderated(user: UserId, outcome: &str, report: &Report, now: DateTime<Utc>) -> UserModerated {
    UserModerated {
        user_id: user.0,
        outcome: outcome.to_owned(),
        object_type: report.object.kind.as_str().to_owned(),
        object_id: report.object.id,
        object_title: report.title.clone(),
        text: report.note.clone(),
        until: None,
        occurred_at: Some(now.into()),
    }
}
