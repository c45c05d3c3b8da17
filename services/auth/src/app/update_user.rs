//! Administrators change accounts.

use fenz_chassis::{Result, Role, User, UserId, database::Txn};
use fenz_events::Act;
use serde_json::{Map, Value, json};

use super::{App, administrators, email, events};
use crate::{
    domain::{
        account::{self, Account},
        rights,
        version::Precondition,
    },
    store::users,
};

/// What is to be another; the rest stays.
#[derive(Clone, Debug, Default)]
pub struct UserChanges {
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub role: Option<Role>,
}

/// Fields as they were and as they are, for the audit log.
#[derive(Default)]
struct Difference {
    before: Map<String, Value>,
    after: Map<String, Value>,
}

impl Difference {
    /// Sets a field; nothing to tell when it is so already.
    fn set(&mut self, name: &str, field: &mut String, wanted: Option<&String>) {
        let Some(wanted) = wanted.filter(|wanted| **wanted != *field) else { return };
        self.before.insert(name.to_owned(), Value::from(field.as_str()));
        self.after.insert(name.to_owned(), Value::from(wanted.as_str()));
        field.clone_from(wanted);
    }
}

impl App {
    /// Changes an account, if it is still the version that the caller knows.
    /// Another role ends its sessions.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `VERSION_MISMATCH`, `EMAIL_TAKEN`, `INVALID_PARAMS`
    /// for a name that shows nothing, `PERMISSION_DENIED` for demoting oneself,
    /// `LAST_ADMIN`.
    pub async fn update_user(
        &self,
        caller: &User,
        user: UserId,
        expected: &Precondition,
        changes: &UserChanges,
    ) -> Result<Account> {
        if let Some(name) = &changes.display_name {
            account::check_display_name(name)?;
        }
        let updated = self.outbox.transact(|txn| async move {
            let mut held = administrators::hold_in_txn(txn.as_ref(), user, self.clock.now()).await?;
            self.session_in_txn(&txn, caller).await?;
            expected.check(held.account.version)?;
            let role_before = held.account.role;
            if let Some(role) = changes.role.filter(|role| *role != role_before) {
                rights::check_role_change(caller.id, user, role_before, role)?;
                if role < role_before {
                    held.check_dispensable()?;
                }
                held.account.role = role;
            }
            let mut difference = Difference::default();
            difference.set("displayName", &mut held.account.display_name, changes.display_name.as_ref());
            difference.set("email", &mut held.account.email, changes.email.as_ref());
            self.store_update_in_txn(&txn, caller, &mut held.account, role_before, difference).await?;
            Ok(held.account)
        });
        match updated.await {
            Err(error) if error.is_duplicate() => Err(email::taken("email")),
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
        let (now, other_role) = (self.clock.now(), account.role != role_before);
        if after.is_empty() && !other_role {
            return Ok(());
        }
        if after.contains_key("email") && users::email_exists(txn.as_ref(), &account.email, Some(account.id)).await? {
            return Err(email::taken("email"));
        }
        super::save_in_txn(txn.as_ref(), account, now).await?;
        self.outbox.emit(txn, &events::updated(account, now)).await?;
        if !after.is_empty() {
            let act = Act {
                before: Some(Value::Object(before)),
                after: Some(Value::Object(after)),
                ..events::user_act(caller.id, "user.updated", account.id)
            };
            self.outbox.audit(txn, act).await?;
        }
        if other_role {
            self.end_all_in_txn(txn, account.id, None).await?;
            let act = Act {
                before: Some(json!({"role": role_before.as_str()})),
                after: Some(json!({"role": account.role.as_str()})),
                ..events::user_act(caller.id, "user.role_changed", account.id)
            };
            self.outbox.audit(txn, act).await?;
        }
        Ok(())
    }
}
