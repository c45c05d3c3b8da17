//! What hiding, banning and their reversals have in common.

use chrono::{DateTime, Utc};
use fenz_contract::events::v1::UserModerated;
use fenz_core::{Result, User, UserId};
use fenz_events::AuditEntry;
use serde_json::Value;

use super::{App, administrators, events};
use crate::domain::{account::Account, permissions};

/// A moderator's decision about an account.
pub struct Decision {
    /// For the audit log.
    pub action: &'static str,
    /// In the event for the account's owner.
    pub outcome: &'static str,
    /// The moderator's message to the owner.
    pub text: String,
    /// The end of a temporary ban.
    pub until: Option<DateTime<Utc>>,
    pub blocks_sign_in: bool,
    pub before: Value,
    pub after: Value,
}

impl App {
    /// Changes an account as a moderator, ends its sessions if it can no longer
    /// sign in, and publishes that. Nothing is stored when `change` returns none.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `PERMISSION_DENIED`, `LAST_ADMIN`.
    pub(super) async fn moderate(
        &self,
        caller: &User,
        user: UserId,
        change: impl Fn(&mut Account) -> Option<Decision>,
    ) -> Result<Account> {
        let now = self.clock.now();
        let moderated = self.outbox.transact(|txn| {
            let change = &change;
            async move {
                let mut locked = administrators::lock_account_in_txn(txn.as_ref(), user, now).await?;
                // After the locks, as a concurrent request may have ended it.
                self.session_in_txn(&txn, caller).await?;
                permissions::check_moderation(caller, user, locked.account.role)?;
                let Some(decision) = change(&mut locked.account) else { return Ok(locked.account) };
                if decision.blocks_sign_in {
                    locked.check_not_last_admin()?;
                    self.end_all_in_txn(&txn, user, None).await?;
                }
                super::save_in_txn(txn.as_ref(), &mut locked.account, now).await?;
                self.outbox.emit(&txn, &events::updated(&locked.account, now)).await?;
                self.outbox.emit(&txn, &moderated_event(&locked.account, &decision, now)).await?;
                let entry = AuditEntry {
                    before: Some(decision.before),
                    after: Some(decision.after),
                    ..events::audit_entry(caller.id, decision.action, user)
                };
                self.outbox.audit(&txn, entry).await?;
                Ok(locked.account)
            }
        });
        moderated.await
    }
}

fn moderated_event(account: &Account, decision: &Decision, now: DateTime<Utc>) -> UserModerated {
    UserModerated {
        user_id: account.id.0,
        outcome: decision.outcome.to_owned(),
        object_type: "user".to_owned(),
        object_id: account.id.0,
        object_title: account.display_name.clone(),
        text: decision.text.clone(),
        until: decision.until.map(Into::into),
        occurred_at: Some(now.into()),
    }
}
