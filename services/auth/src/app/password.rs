//! Users change their password.

use fenz_core::{Result, User};

use super::{App, events::audit_entry};
use crate::{
    domain::{account::Account, password, session::Client, version::Precondition},
    store::one_time::{self, Kind},
};

/// The field with the password until now.
const CURRENT: &str = "currentPassword";

impl App {
    /// Sets a new password after verifying the current one, and ends the caller's
    /// other sessions. Failures are throttled as logins are.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` at `currentPassword`, `PASSWORD_TOO_WEAK`,
    /// `RATE_LIMITED`, `VERSION_MISMATCH`, `TOKEN_INVALID` when the session has ended.
    pub async fn update_password(
        &self,
        caller: &User,
        expected: &Precondition,
        current: &str,
        new: &str,
        client: &Client,
    ) -> Result<Account> {
        let account = self.me(caller).await?;
        password::check("newPassword", new, &account.username)?;
        self.confirm_password(&account, CURRENT, current, client).await?;
        expected.check(account.version)?;
        let hash = self.hasher.hash(new).await?;
        let now = self.clock.now();
        let changed = self.outbox.transact(|txn| {
            let (hash, confirmed) = (&hash, &account);
            async move {
                let mut account = self.lock_confirmed_in_txn(&txn, caller, confirmed, CURRENT).await?;
                expected.check(account.version)?;
                account.password_hash.clone_from(hash);
                super::save_in_txn(txn.as_ref(), &mut account, now).await?;
                // An open reset is obsolete.
                one_time::delete(txn.as_ref(), caller.id, Kind::Password).await?;
                self.end_all_in_txn(&txn, caller.id, Some(&caller.session)).await?;
                self.outbox.audit(&txn, audit_entry(caller.id, "auth.password_changed", caller.id)).await?;
                Ok(account)
            }
        });
        changed.await
    }
}
