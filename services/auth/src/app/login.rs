//! Signing in.

use chrono::{DateTime, Utc};
use fenz_chassis::{
    Error, Reason, Result, Role,
    database::{self, Txn},
};

use super::{App, Opened, attempt::Attempt, events};
use crate::{
    domain::{account::Account, session::Client},
    hashing::Verdict,
    store::users,
};

/// A username or address, and a password.
pub struct Login {
    pub name: String,
    pub password: String,
    /// The guest whose choices the account takes over.
    pub guest_session_id: Option<String>,
}

/// Times that a login begins again because the account changed under it.
const TRIES: usize = 3;

impl App {
    /// Opens a session for whoever knows the password.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS`, the same for an unknown name and a wrong password;
    /// `RATE_LIMITED` after too many of those; with the right password
    /// `USER_HIDDEN` and `USER_BANNED`.
    pub async fn login(&self, login: &Login, client: &Client) -> Result<Opened> {
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

    async fn try_login(&self, login: &Login, client: &Client) -> Result<Opened> {
        let attempt = Attempt::of_login(&login.name, client);
        for _ in 0..TRIES {
            let account = users::by_login(&self.db, &login.name).await?;
            let stored = account.as_ref().map(|a| a.password_hash.as_str());
            let verdict = self.attempt(&attempt, &login.password, stored).await?;
            let Some(account) = account.filter(|_| verdict.matches) else {
                return Err(Error::new(Reason::InvalidCredentials, "the name or the password is wrong"));
            };
            if let Some(opened) = self.admit(&account, login, verdict, client).await? {
                return Ok(opened);
            }
        }
        Err(Error::unavailable("the account", anyhow::anyhow!("its password changed under {TRIES} tries")))
    }

    async fn tell_login_in_txn(&self, txn: &Txn, account: &Account, login: &Login, now: DateTime<Utc>) -> Result<()> {
        if let Some(guest) = &login.guest_session_id {
            self.outbox.emit(txn, &events::guest_joined(account.id, guest, now)).await?;
        }
        if account.role > Role::User {
            self.outbox.audit(txn, events::user_act(account.id, "auth.login", account.id)).await?;
        }
        Ok(())
    }

    /// Opens the session; none when the password changed since it was checked,
    /// or the account has gone.
    async fn admit(
        &self,
        checked: &Account,
        login: &Login,
        verdict: Verdict,
        client: &Client,
    ) -> Result<Option<Opened>> {
        let rehashed = if verdict.outdated { Some(self.hasher.hash(&login.password).await?) } else { None };
        let now = self.clock.now();
        // Few logins tell something: it goes out a moment later, and the others
        // cost no look for it.
        let opened = database::transact(&self.db, |txn| {
            let rehashed = rehashed.as_deref();
            async move {
                let account = users::locked_in_txn(txn.as_ref(), checked.id).await?;
                let Some(account) = account.filter(|a| a.password_hash == checked.password_hash) else {
                    return Ok(None);
                };
                account.check_admitted(now)?;
                if let Some(hash) = rehashed {
                    users::rehash(txn.as_ref(), account.id, hash).await?;
                }
                let (session, token) = self.open_session_in_txn(&txn, &account, client, now).await?;
                self.tell_login_in_txn(&txn, &account, login, now).await?;
                Ok(Some((account, session, token)))
            }
        });
        let Some((account, session, token)) = opened.await? else { return Ok(None) };
        self.opened(account, session, token).map(Some)
    }
}
