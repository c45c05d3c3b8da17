//! Deleting an account for good: here at once, in all other services by the
//! event that tells of it.

use fenz_chassis::{Error, Reason, Result, User, UserId, database::Txn};
use fenz_contract::events::v1::UserDeleted;
use fenz_events::Act;
use serde_json::json;

use super::{App, administrators, attempt::Attempt, avatar, events};
use crate::{
    domain::{account::Account, rights, session::Client},
    store::errands::{self, Errand},
};

impl App {
    /// Deletes the caller's account, if they know its password. Wrong tries are
    /// throttled as logins are. Gives the erasure's id.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` at `password`, `RATE_LIMITED`, `LAST_ADMIN`,
    /// `TOKEN_INVALID` when the session has ended.
    pub async fn delete_account(&self, caller: &User, password: &str, client: &Client) -> Result<i64> {
        let checked = self.me(caller).await?;
        let wrong = || Error::field(Reason::InvalidCredentials, "password", "is wrong");
        let attempt = Attempt::of_owner(&checked, client);
        if !self.attempt(&attempt, password, Some(&checked.password_hash)).await?.matches {
            return Err(wrong());
        }
        let erasure = self.ids.next();
        let deleted = self.outbox.transact(|txn| {
            let known = &checked.password_hash;
            async move {
                let held = self.hold_own_in_txn(&txn, caller).await?;
                if held.account.password_hash != *known {
                    return Err(wrong());
                }
                held.check_dispensable()?;
                self.delete_in_txn(&txn, caller.id, &held.account, erasure).await
            }
        });
        deleted.await?;
        Ok(erasure)
    }

    /// Deletes an account as an administrator. Gives the erasure's id.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `CANNOT_DELETE_SELF`, `LAST_ADMIN`.
    pub async fn delete_user(&self, caller: &User, user: UserId) -> Result<i64> {
        rights::check_deletion(caller.id, user)?;
        let erasure = self.ids.next();
        let deleted = self.outbox.transact(|txn| async move {
            let held = administrators::hold_in_txn(txn.as_ref(), user, self.clock.now()).await?;
            self.session_in_txn(&txn, caller).await?;
            held.check_dispensable()?;
            self.delete_in_txn(&txn, caller.id, &held.account, erasure).await
        });
        deleted.await?;
        Ok(erasure)
    }

    async fn delete_in_txn(&self, txn: &Txn, actor: UserId, account: &Account, erasure: i64) -> Result<()> {
        let (user, now) = (account.id, self.clock.now());
        self.forget_in_txn(txn.as_ref(), user, Some(account)).await?;
        if let Some(upload) = account.avatar_upload_id {
            let release = Errand { claim: avatar::claim(user, upload), keep_files: false, due_at: now };
            // One that is under way already does the same.
            errands::put_in_txn(txn.as_ref(), &release).await?;
        }
        self.tell_ended_in_txn(txn, user, Vec::new()).await?;
        let told = UserDeleted {
            user_id: user.0,
            erasure_id: erasure,
            version: account.version + 1,
            occurred_at: Some(now.into()),
        };
        self.outbox.emit(txn, &told).await?;
        // Nothing personal: the log keeps it.
        let act = Act {
            before: Some(json!({"role": account.role.as_str()})),
            after: Some(json!({"erasureId": erasure.to_string()})),
            ..events::user_act(actor, "user.deleted", user)
        };
        self.outbox.audit(txn, act).await?;
        tracing::info!(user.id = user.0, by.id = actor.0, erasure.id = erasure, "deleted the account");
        Ok(())
    }
}
