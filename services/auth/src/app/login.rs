//! Signing in.

use chrono::{DateTime, Utc};
use fenz_core::{Error, Reason, Result, Role};
use fenz_database::Txn;

use super::{App, OpenedSession, events, login_attempt::LoginAttempt};
use crate::{
    domain::{account::Account, session::Client},
    hashing::Verification,
    store::users,
};

/// A username or address, and a password.
pub struct Login {
    pub name: String,
    pub password: String,
    /// The guest session that the account continues.
    pub guest_session_id: Option<String>,
}

/// How often a login is tried while the account changes concurrently.
const MAX_TRIES: usize = 3;

impl App {
    /// Verifies the password and opens a session.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS`, the same for an unknown name and a wrong password;
    /// `RATE_LIMITED` after too many failures; with the right password
    /// `USER_HIDDEN` and `USER_BANNED`.
    pub async fn login(&self, login: &Login, client: &Client) -> Result<OpenedSession> {
        let outcome = self.try_login(login, client).await;
        let label = match &outcome {
            Ok(_) => "ok",
            Err(error) => match error.reason {
                Reason::InvalidCredentials => "wrong",
                Reason::RateLimited => "throttled",
                Reason::UserHidden | Reason::UserBanned => "refused",
                _ => "failed",
            },
        };
        metrics::counter!("fenz_auth_logins_total", "outcome" => label).increment(1);
        outcome
    }

    async fn try_login(&self, login: &Login, client: &Client) -> Result<OpenedSession> {
        for _ in 0..MAX_TRIES {
            let account = users::by_login(&self.db, &login.name).await?;
            let attempt = LoginAttempt::login(&self.digest_key, &login.name, account.as_ref(), client);
            let stored = account.as_ref().map(|a| a.password_hash.as_str());
            let verification = self.verify_password(&attempt, &login.password, stored).await?;
            let Some(account) = account.filter(|_| verification.matches) else {
                return Err(Error::new(Reason::InvalidCredentials, "the name or the password is wrong"));
            };
            if let Some(opened) = self.open_session(&account, login, verification, client).await? {
                return Ok(opened);
            }
        }
        Err(Error::unavailable("the account", anyhow::anyhow!("its password changed during {MAX_TRIES} tries")))
    }

    async fn emit_login_in_txn(&self, txn: &Txn, account: &Account, login: &Login, now: DateTime<Utc>) -> Result<()> {
        if let Some(guest) = &login.guest_session_id {
            self.outbox.emit(txn, &events::guest_joined(account.id, guest, now)).await?;
        }
        if account.role > Role::User {
            self.outbox.audit(txn, events::audit_entry(account.id, "auth.login", account.id)).await?;
        }
        Ok(())
    }

    /// Opens the session; none when the password changed since it was verified,
    /// or the account was deleted.
    async fn open_session(
        &self,
        verified: &Account,
        login: &Login,
        verification: Verification,
        client: &Client,
    ) -> Result<Option<OpenedSession>> {
        let rehashed = if verification.needs_rehash { Some(self.hasher.hash(&login.password).await?) } else { None };
        let now = self.clock.now();
        // Not `Outbox::transact`: few logins emit events, so the others save the
        // wakeup of the relay, which finds these at its next poll.
        let opened = fenz_database::transact(&self.db, |txn| {
            let rehashed = rehashed.as_deref();
            async move {
                let account = users::locked_in_txn(txn.as_ref(), verified.id).await?;
                let Some(account) = account.filter(|a| a.password_hash == verified.password_hash) else {
                    return Ok(None);
                };
                account.check_admitted(now)?;
                if let Some(hash) = rehashed {
                    users::rehash(txn.as_ref(), account.id, hash).await?;
                }
                let (session, token) = self.open_session_in_txn(&txn, &account, client, now).await?;
                self.emit_login_in_txn(&txn, &account, login, now).await?;
                Ok(Some((account, session, token)))
            }
        });
        let Some((account, session, token)) = opened.await? else { return Ok(None) };
        self.issue_tokens(account, session, token).map(Some)
    }
}
