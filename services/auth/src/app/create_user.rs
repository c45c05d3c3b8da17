//! Making an account for somebody else.

use fenz_chassis::{Result, Role, User};
use fenz_events::Act;
use serde_json::json;

use super::{App, Registration, events};
use crate::{
    domain::{account, account::Account, password},
    store::users,
};

impl App {
    /// Makes an account as registering does, of any role and whatever the
    /// setting of registration, but without a session.
    ///
    /// # Errors
    /// `PASSWORD_TOO_WEAK`, `USERNAME_TAKEN`, `EMAIL_TAKEN`.
    pub async fn create_user(&self, caller: &User, wanted: Registration, role: Role) -> Result<Account> {
        self.session(caller).await?;
        password::check("password", &wanted.password, &wanted.username)?;
        if !wanted.display_name.is_empty() {
            account::check_display_name(&wanted.display_name)?;
        }
        self.check_free(&wanted.username, &wanted.email).await?;
        let account = self.new_account(wanted, role).await?;
        let created = self.outbox.transact(|txn| {
            let account = &account;
            async move {
                self.session_in_txn(&txn, caller).await?;
                users::insert(txn.as_ref(), account).await?;
                self.outbox.emit(&txn, &events::registered(account, None)).await?;
                let after = json!({"username": account.username, "role": role.as_str()});
                let act = Act { after: Some(after), ..events::user_act(caller.id, "user.created", account.id) };
                self.outbox.audit(&txn, act).await
            }
        });
        match created.await {
            Err(error) if error.is_duplicate() => {
                self.check_free(&account.username, &account.email).await?;
                Err(error)
            }
            created => created.map(|()| account),
        }
    }
}
