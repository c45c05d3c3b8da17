//! Signed-in users confirm their password before a change that whoever has only their
//! session must not make.

use fenz_core::{Error, Reason, Result, User};
use fenz_database::Txn;

use super::{App, login_attempt::LoginAttempt};
use crate::{
    domain::{account::Account, session::Client},
    store::users,
};

pub fn wrong(field: &str) -> Error {
    Error::field(Reason::InvalidCredentials, field, "is wrong")
}

impl App {
    /// Verifies the password of an account, which a field of the request has. Failures
    /// are throttled as logins are.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` at the field, `RATE_LIMITED`.
    pub(super) async fn confirm_password(
        &self,
        account: &Account,
        field: &str,
        password: &str,
        client: &Client,
    ) -> Result<()> {
        let attempt = LoginAttempt::reauthentication(&self.digest_key, account, client);
        let verification = self.verify_password(&attempt, password, Some(&account.password_hash)).await?;
        if verification.matches { Ok(()) } else { Err(wrong(field)) }
    }

    /// Locks the caller's account after the password was confirmed: meanwhile the
    /// session may have ended, and the password changed.
    ///
    /// # Errors
    /// `TOKEN_INVALID`, `INVALID_CREDENTIALS` at the field.
    pub(super) async fn lock_confirmed_in_txn(
        &self,
        txn: &Txn,
        caller: &User,
        confirmed: &Account,
        field: &str,
    ) -> Result<Account> {
        let account = users::locked_in_txn(txn.as_ref(), caller.id).await?;
        self.session_in_txn(txn, caller).await?;
        account.filter(|account| account.password_hash == confirmed.password_hash).ok_or_else(|| wrong(field))
    }
}
