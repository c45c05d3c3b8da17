//! Changes the email address, with the password and after a one-time token was confirmed.

use fenz_core::{Error, Reason, Result, User};
use fenz_database::transact;

use super::App;
use crate::{
    domain::{
        account::Account,
        secret::{self, Token},
        session::Client,
        version::Precondition,
    },
    store::{
        one_time::{self, Kind},
        users,
    },
};

pub fn taken(field: &str) -> Error {
    Error::field(Reason::EmailTaken, field, "belongs to another account")
}

impl App {
    /// Starts the change after verifying the password: with the address an account can
    /// be taken over. Returns the unchanged account, the token and its lifetime in
    /// seconds.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` at `password`, `RATE_LIMITED`, `EMAIL_TAKEN`,
    /// `VERSION_MISMATCH`, `TOKEN_INVALID` when the session has ended.
    pub async fn update_email(
        &self,
        caller: &User,
        expected: &Precondition,
        email: &str,
        password: &str,
        client: &Client,
    ) -> Result<(Account, String, i32)> {
        let confirmed = &self.me(caller).await?;
        self.confirm_password(confirmed, "password", password, client).await?;
        let token = Token::new(&self.random);
        let expires_at = self.clock.after(self.config.reset_ttl);
        let account = transact(&self.db, |txn| {
            let digest = &token.digest;
            async move {
                let account = self.lock_confirmed_in_txn(&txn, caller, confirmed, "password").await?;
                expected.check(account.version)?;
                if users::email_exists(txn.as_ref(), email, Some(caller.id)).await? {
                    return Err(taken("email"));
                }
                one_time::replace_in_txn(txn.as_ref(), caller.id, Kind::Email, digest, email, expires_at).await?;
                Ok(account)
            }
        });
        Ok((account.await?, token.text, self.config.reset_ttl.as_secs() as i32))
    }

    /// Completes the change.
    ///
    /// # Errors
    /// `TOKEN_INVALID` for a token that is unknown, used, expired or another
    /// user's; `EMAIL_TAKEN` when the address was taken meanwhile.
    pub async fn confirm_email(&self, caller: &User, token: &str) -> Result<Account> {
        self.session(caller).await?;
        let digest = secret::digest(token);
        let now = self.clock.now();
        let confirmed = transact(&self.db, |txn| {
            let digest = &digest;
            async move {
                let mut account = super::locked_in_txn(txn.as_ref(), caller.id).await?;
                let found = one_time::find(txn.as_ref(), Kind::Email, digest, now).await?;
                let (_, email) =
                    found.filter(|(user, _)| *user == caller.id).ok_or_else(super::invalid_one_time_token)?;
                if !one_time::redeem(txn.as_ref(), Kind::Email, digest, now).await? {
                    return Err(super::invalid_one_time_token());
                }
                account.email = email;
                account.version += 1;
                match users::update_in_txn(txn.as_ref(), &account, now).await {
                    Err(error) if error.is_duplicate() => Err(taken("token")),
                    stored => Ok(stored.map(|()| account)?),
                }
            }
        });
        confirmed.await
    }
}
