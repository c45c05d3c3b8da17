//! Deletes an account: here in one transaction, in other services by the event
//! `UserDeleted`.

use fenz_contract::events::v1::UserDeleted;
use fenz_core::{Result, User, UserId};
use fenz_database::Txn;
use fenz_events::AuditEntry;
use serde_json::json;

use super::{App, administrators, confirm_password, events};
use crate::domain::{account::Account, permissions, session::Client};

impl App {
    /// Deletes the caller's account after verifying its password. Failures are
    /// throttled as logins are. Returns the erasure's id.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` at `password`, `RATE_LIMITED`, `LAST_ADMIN`,
    /// `TOKEN_INVALID` when the session has ended.
    pub async fn delete_account(&self, caller: &User, password: &str, client: &Client) -> Result<i64> {
        let checked = self.me(caller).await?;
        self.confirm_password(&checked, "password", password, client).await?;
        let erasure = self.ids.next();
        let deleted = self.outbox.transact(|txn| {
            let verified_hash = &checked.password_hash;
            async move {
                let locked = self.lock_own_account_in_txn(&txn, caller).await?;
                if locked.account.password_hash != *verified_hash {
                    return Err(confirm_password::wrong("password"));
                }
                locked.check_not_last_admin()?;
                self.delete_in_txn(&txn, caller.id, &locked.account, erasure).await
            }
        });
        deleted.await?;
        Ok(erasure)
    }

    /// Deletes an account as an administrator. Returns the erasure's id.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `CANNOT_DELETE_SELF`, `LAST_ADMIN`.
    pub async fn delete_user(&self, caller: &User, user: UserId) -> Result<i64> {
        permissions::check_deletion(caller.id, user)?;
        let erasure = self.ids.next();
        let deleted = self.outbox.transact(|txn| async move {
            let locked = administrators::lock_account_in_txn(txn.as_ref(), user, self.clock.now()).await?;
            self.session_in_txn(&txn, caller).await?;
            locked.check_not_last_admin()?;
            self.delete_in_txn(&txn, caller.id, &locked.account, erasure).await
        });
        deleted.await?;
        Ok(erasure)
    }

    async fn delete_in_txn(&self, txn: &Txn, actor: UserId, account: &Account, erasure: i64) -> Result<()> {
        let (user, now) = (account.id, self.clock.now());
        self.delete_rows_in_txn(txn, user, Some(account)).await?;
        self.emit_sessions_ended_in_txn(txn, user, Vec::new()).await?;
        let event = UserDeleted {
            user_id: user.0,
            erasure_id: erasure,
            version: account.version + 1,
            occurred_at: Some(now.into()),
        };
        self.outbox.emit(txn, &event).await?;
        // No personal data: this entry is kept after the erasure.
        let entry = AuditEntry {
            before: Some(json!({"role": account.role.as_str()})),
            after: Some(json!({"erasureId": erasure.to_string()})),
            ..events::audit_entry(actor, "user.deleted", user)
        };
        self.outbox.audit(txn, entry).await?;
        tracing::info!(user.id = %user, by.id = %actor, erasure.id = %erasure, "deleted the account");
        Ok(())
    }
}
