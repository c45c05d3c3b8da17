//! Administrators create accounts.

use fenz_core::{Result, Role, User};
use fenz_database::is_duplicate;
use fenz_events::AuditEntry;
use serde_json::json;

use super::{App, Registration, events};
use crate::{domain::account::Account, store::users};

impl App {
    /// Creates an account of any role and without a session, whatever
    /// `FENZ_AUTH__REGISTRATION` is.
    ///
    /// # Errors
    /// `PASSWORD_TOO_WEAK`, `USERNAME_TAKEN`, `EMAIL_TAKEN`.
    pub async fn create_user(&self, caller: &User, registration: Registration, role: Role) -> Result<Account> {
        self.session(caller).await?;
        self.check_registration(&registration).await?;
        let account = self.new_account(registration, role).await?;
        let created = self.outbox.transact(|txn| {
            let account = &account;
            async move {
                self.session_in_txn(&txn, caller).await?;
                users::insert(txn.as_ref(), account).await?;
                self.outbox.emit(&txn, &events::registered(account, None)).await?;
                let after = json!({"username": account.username, "role": role.as_str()});
                let entry =
                    AuditEntry { after: Some(after), ..events::audit_entry(caller.id, "user.created", account.id) };
                self.outbox.audit(&txn, entry).await
            }
        });
        match created.await {
            Err(error) if is_duplicate(&error) => {
                self.check_available(&account.username, &account.email).await?;
                Err(error)
            }
            created => created.map(|()| account),
        }
    }
}
