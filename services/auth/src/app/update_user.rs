//! Administrators change accounts.

use fenz_core::{Result, Role, User, UserId, text};
use fenz_database::{Txn, is_duplicate};
use fenz_events::AuditEntry;
use serde_json::{Map, Value, json};

use super::{App, administrators, email, events};
use crate::{
    domain::{account::Account, permissions, version::Precondition},
    store::users,
};

/// The fields to change.
#[derive(Clone, Debug, Default)]
pub struct UserChanges {
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub role: Option<Role>,
}

/// The changed fields before and after, for the audit log.
#[derive(Default)]
struct Difference {
    before: Map<String, Value>,
    after: Map<String, Value>,
}

impl Difference {
    /// Sets a field, and records it if that changes it.
    fn set(&mut self, name: &str, field: &mut String, value: Option<&String>) {
        let Some(value) = value.filter(|value| **value != *field) else { return };
        self.before.insert(name.to_owned(), Value::from(field.as_str()));
        self.after.insert(name.to_owned(), Value::from(value.as_str()));
        field.clone_from(value);
    }
}

impl App {
    /// Changes an account, if it is still the expected version. A role change
    /// ends its sessions.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `VERSION_MISMATCH`, `EMAIL_TAKEN`, `INVALID_PARAMS`
    /// for a blank name, `PERMISSION_DENIED` for demoting oneself and for one's own
    /// address, `LAST_ADMIN`.
    pub async fn update_user(
        &self,
        caller: &User,
        user: UserId,
        expected: &Precondition,
        changes: &UserChanges,
    ) -> Result<Account> {
        let name = changes.display_name.as_deref().map(|name| text::line("displayName", name)).transpose()?;
        let name = name.as_ref();
        let updated = self.outbox.transact(|txn| async move {
            let mut locked = administrators::lock_account_in_txn(txn.as_ref(), user, self.clock.now()).await?;
            self.session_in_txn(&txn, caller).await?;
            expected.check(locked.account.version)?;
            let role_before = locked.account.role;
            if let Some(role) = changes.role.filter(|role| *role != role_before) {
                permissions::check_role_change(caller.id, user, role_before, role)?;
                if role < role_before {
                    locked.check_not_last_admin()?;
                }
                locked.account.role = role;
            }
            let mut difference = Difference::default();
            difference.set("displayName", &mut locked.account.display_name, name);
            difference.set("email", &mut locked.account.email, changes.email.as_ref());
            if difference.after.contains_key("email") {
                permissions::check_email_change(caller.id, user)?;
            }
            self.store_update_in_txn(&txn, caller, &mut locked.account, role_before, difference).await?;
            Ok(locked.account)
        });
        match updated.await {
            Err(error) if is_duplicate(&error) => Err(email::taken("email")),
            updated => updated,
        }
    }

    async fn store_update_in_txn(
        &self,
        txn: &Txn,
        caller: &User,
        account: &mut Account,
        role_before: Role,
        Difference { before, after }: Difference,
    ) -> Result<()> {
        let (now, role_changed) = (self.clock.now(), account.role != role_before);
        if after.is_empty() && !role_changed {
            return Ok(());
        }
        if after.contains_key("email") && users::email_exists(txn.as_ref(), &account.email, Some(account.id)).await? {
            return Err(email::taken("email"));
        }
        super::save_in_txn(txn.as_ref(), account, now).await?;
        self.outbox.emit(txn, &events::updated(account, now)).await?;
        if !after.is_empty() {
            let entry = AuditEntry {
                before: Some(Value::Object(before)),
                after: Some(Value::Object(after)),
                ..events::audit_entry(caller.id, "user.updated", account.id)
            };
            self.outbox.audit(txn, entry).await?;
        }
        if role_changed {
            self.end_all_in_txn(txn, account.id, None).await?;
            let entry = AuditEntry {
                before: Some(json!({"role": role_before.as_str()})),
                after: Some(json!({"role": account.role.as_str()})),
                ..events::audit_entry(caller.id, "user.role_changed", account.id)
            };
            self.outbox.audit(txn, entry).await?;
        }
        Ok(())
    }
}
