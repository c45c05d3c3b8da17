//! The events that the service publishes and consumes.

use chrono::{DateTime, Utc};
use fenz_chassis::Platform;
use fenz_contract::events::v1::{GuestJoined, SessionsEnded, UserDeleted, UserRegistered, UserUpdated};
use fenz_core::{Result, UserId};
use fenz_database::Txn;
use fenz_events::{AuditEntry, Consumer, Database, ErasureRunner, ReceivedEvent};

use super::{App, erase::UserEraser};
use crate::domain::account::Account;
use crate::store::Migrator;

impl App {
    /// Publishes that sessions of a user have ended; all of them when `session_ids`
    /// is empty.
    pub(super) async fn emit_sessions_ended_in_txn(
        &self,
        txn: &Txn,
        user: UserId,
        session_ids: Vec<String>,
    ) -> Result<()> {
        let until = self.clock.after(self.config.access_ttl + super::LEEWAY);
        let event = SessionsEnded { user_id: user.0, session_ids, until: Some(until.into()) };
        self.outbox.emit(txn, &event).await
    }
}

/// Starts the consumer of `UserDeleted`, which this service publishes and admin
/// repeats until the erasure is done.
pub async fn start_consumer(platform: &Platform, db: &Database<Migrator>, app: &App) -> anyhow::Result<()> {
    let erasure_runner = ErasureRunner::new(platform, &app.outbox);
    erasure_runner.start(platform, UserEraser(app.clone()));
    Consumer::new()
        .on(move |txn, received: ReceivedEvent<UserDeleted>| {
            let erasure_runner = erasure_runner.clone();
            async move { erasure_runner.request_in_txn(&txn, &received.event).await }
        })
        .start(platform, db)
        .await
}

/// An audit entry about a user.
pub fn audit_entry(actor: UserId, action: &str, user: UserId) -> AuditEntry<'_> {
    AuditEntry {
        actor: Some(actor),
        action,
        object_type: "user",
        object_id: user.to_string(),
        about: Some(user),
        ..AuditEntry::default()
    }
}

/// A guest session continues as a user's.
pub fn guest_joined(user: UserId, guest_session_id: &str, now: DateTime<Utc>) -> GuestJoined {
    GuestJoined { user_id: user.0, guest_session_id: guest_session_id.to_owned(), occurred_at: Some(now.into()) }
}

pub fn registered(account: &Account, guest_session_id: Option<&str>) -> UserRegistered {
    UserRegistered {
        user_id: account.id.0,
        username: account.username.clone(),
        display_name: account.display_name.clone(),
        version: account.version,
        occurred_at: Some(account.created_at.into()),
        guest_session_id: guest_session_id.map(str::to_owned),
    }
}

pub fn updated(account: &Account, now: DateTime<Utc>) -> UserUpdated {
    UserUpdated {
        user_id: account.id.0,
        username: account.username.clone(),
        display_name: account.display_name.clone(),
        role: account.role.as_str().to_owned(),
        version: account.version,
        occurred_at: Some(now.into()),
        is_hidden: account.hidden.any(),
        avatar_upload_id: account.avatar_upload_id.map_or(0, |id| id.0),
    }
}
