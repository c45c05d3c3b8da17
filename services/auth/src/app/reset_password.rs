//! Password resets: an administrator creates a one-time token, the user sets a
//! new password with it.

use fenz_core::{Result, User, UserId};
use fenz_events::AuditEntry;

use super::{App, events::audit_entry};
use crate::{
    domain::{
        password, permissions,
        secret::{self, Token},
    },
    store::{
        one_time::{self, Kind},
        users,
    },
};

impl App {
    /// Creates the token, which replaces an earlier one. Returns it with its
    /// lifetime in seconds.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `PERMISSION_DENIED` for the own account, `TOKEN_INVALID` when the
    /// administrator's session has ended.
    pub async fn create_password_reset(&self, administrator: &User, user: UserId) -> Result<(String, i32)> {
        permissions::check_password_reset(administrator.id, user)?;
        let token = Token::new(&self.random);
        let expires_at = self.clock.after(self.config.reset_ttl);
        let stored = self.outbox.transact(|txn| {
            let digest = &token.digest;
            async move {
                let account = users::locked_in_txn(txn.as_ref(), user).await?;
                self.session_in_txn(&txn, administrator).await?;
                super::require_found(account)?;
                one_time::replace_in_txn(txn.as_ref(), user, Kind::Password, digest, "", expires_at).await?;
                self.outbox.audit(&txn, audit_entry(administrator.id, "auth.password_reset_created", user)).await
            }
        });
        stored.await?;
        tracing::info!(user.id = %user, by.id = %administrator.id, "created a password reset");
        Ok((token.text, self.config.reset_ttl.as_secs() as i32))
    }

    /// Sets the password and ends every session of the account.
    ///
    /// # Errors
    /// `TOKEN_INVALID` for a token that is unknown, used or expired;
    /// `PASSWORD_TOO_WEAK`, which leaves the token usable.
    pub async fn reset_password(&self, token: &str, new: &str) -> Result<()> {
        let digest = secret::digest(token);
        let now = self.clock.now();
        let found = one_time::find(&self.db, Kind::Password, &digest, now).await?;
        let (user, _) = found.ok_or_else(super::invalid_one_time_token)?;
        let account = users::by_id(&self.db, user).await?.ok_or_else(super::invalid_one_time_token)?;
        password::check("newPassword", new, &account.username)?;
        let hash = self.hasher.hash(new).await?;
        let reset = self.outbox.transact(|txn| {
            let (digest, hash) = (&digest, &hash);
            async move {
                let mut account = super::locked_in_txn(txn.as_ref(), user).await?;
                if !one_time::redeem(txn.as_ref(), Kind::Password, digest, self.clock.now()).await? {
                    return Err(super::invalid_one_time_token());
                }
                account.password_hash.clone_from(hash);
                super::save_in_txn(txn.as_ref(), &mut account, now).await?;
                self.end_all_in_txn(&txn, user, None).await?;
                // The caller is not signed in.
                let entry = AuditEntry { actor: None, ..audit_entry(user, "auth.password_reset_used", user) };
                self.outbox.audit(&txn, entry).await
            }
        });
        reset.await?;
        tracing::info!(user.id = %user, "reset the password");
        Ok(())
    }
}
