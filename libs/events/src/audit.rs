//! The audit log: every administrative action and security event is emitted in
//! the transaction that did it. The admin service stores the log.

use fenz_chassis::request;
use fenz_contract::events::v1::AuditRecorded;
use fenz_core::{Result, UserId};
use fenz_database::Txn;
use serde_json::Value;

use crate::Outbox;

/// An entry of the audit log.
#[derive(Clone, Debug, Default)]
pub struct AuditEntry<'a> {
    /// None where nobody was signed in.
    pub actor: Option<UserId>,
    /// Object and what happened to it: `user.hidden`, `auth.login_failed`.
    pub action: &'a str,
    /// `user`, `video`, `channel` …
    pub object_type: &'a str,
    pub object_id: String,
    /// What changed, with its old value. Nothing secret.
    pub before: Option<Value>,
    /// What changed, with its new value. Nothing secret.
    pub after: Option<Value>,
    /// The user that it is about; their erasure removes personal data from it.
    pub about: Option<UserId>,
    /// The actor's address, where it differs from the request's.
    pub address: Option<String>,
}

impl Outbox {
    /// Records an entry, if the transaction commits, with the id and the client's
    /// address of the current request.
    ///
    /// # Errors
    /// As [`Outbox::emit`].
    pub async fn audit(&self, txn: &Txn, entry: AuditEntry<'_>) -> Result<()> {
        let context = request::current();
        let address = entry.address.or_else(|| Some(context.as_ref()?.address?.to_string()));
        let json = |value: Option<Value>| value.map(|v| v.to_string()).unwrap_or_default();
        let event = AuditRecorded {
            actor_id: entry.actor.map_or(0, |a| a.0),
            action: entry.action.to_owned(),
            object_type: entry.object_type.to_owned(),
            object_id: entry.object_id,
            before: json(entry.before),
            after: json(entry.after),
            request_id: context.map(|c| c.id).unwrap_or_default(),
            address: address.unwrap_or_default(),
            occurred_at: Some(self.now().into()),
            subject_user_id: entry.about.map_or(0, |a| a.0),
        };
        self.emit(txn, &event).await
    }
}
