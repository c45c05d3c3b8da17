//! Telling who did what: every administrative act and security event, in the
//! transaction that did it. The admin service keeps the log.

use fenz_chassis::{Result, UserId, database::Txn, request};
use fenz_contract::events::v1::AuditRecorded;
use serde_json::Value;

use crate::Outbox;

/// An act for the audit log.
#[derive(Clone, Debug, Default)]
pub struct Act<'a> {
    /// None where nobody was signed in.
    pub actor: Option<UserId>,
    /// Object and what happened to it: `user.hidden`, `auth.login_failed`.
    pub action: &'a str,
    /// `user`, `video`, `channel` …
    pub object_type: &'a str,
    pub object_id: String,
    /// What changed, as it was. Nothing secret.
    pub before: Option<Value>,
    /// What changed, as it is. Nothing secret.
    pub after: Option<Value>,
    /// The user that it is about; their erasure blanks what is personal in it.
    pub about: Option<UserId>,
    /// Where the actor is, where that is not where the request comes from.
    pub address: Option<String>,
}

impl Outbox {
    /// Tells an act, if the transaction commits, with the id and the client's
    /// address of the request at hand.
    ///
    /// # Errors
    /// As [`Outbox::emit`].
    pub async fn audit(&self, txn: &Txn, act: Act<'_>) -> Result<()> {
        let context = request::current();
        let address = act.address.or_else(|| Some(context.as_ref()?.address?.to_string()));
        let json = |value: Option<Value>| value.map(|v| v.to_string()).unwrap_or_default();
        let told = AuditRecorded {
            actor_id: act.actor.map_or(0, |a| a.0),
            action: act.action.to_owned(),
            object_type: act.object_type.to_owned(),
            object_id: act.object_id,
            before: json(act.before),
            after: json(act.after),
            request_id: context.map(|c| c.id).unwrap_or_default(),
            address: address.unwrap_or_default(),
            occurred_at: Some(self.now().into()),
            subject_user_id: act.about.map_or(0, |a| a.0),
        };
        self.emit(txn, &told).await
    }
}
