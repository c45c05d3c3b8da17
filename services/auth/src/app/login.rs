//! Signing in.

use std::time::Duration;

use fenz_chassis::{Error, Reason, Result, database::transact};

use super::{App, Opened};
use crate::{
    domain::{account::Account, session::Client, throttle},
    hashing::Verdict,
    store::{
        failures::{self, Failures},
        users,
    },
};

/// A username or address, and a password.
pub struct Login {
    pub name: String,
    pub password: String,
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
        let key = throttle::key(&login.name, client.address);
        for _ in 0..TRIES {
            let account = users::by_login(&self.db, &login.name).await?;
            let stored = account.as_ref().map(|a| a.password_hash.as_str());
            let verdict = self.attempt(&key, &login.password, stored).await?;
            let Some(account) = account.filter(|_| verdict.matches) else {
                return Err(Error::new(Reason::InvalidCredentials, "the name or the password is wrong"));
            };
            if let Some(opened) = self.admit(&account, login, verdict, client).await? {
                return Ok(opened);
            }
        }
        Err(Error::unavailable("the account", anyhow::anyhow!("its password changed under {TRIES} tries")))
    }

    /// Opens the session; none when the password changed since it was checked.
    async fn admit(
        &self,
        checked: &Account,
        login: &Login,
        verdict: Verdict,
        client: &Client,
    ) -> Result<Option<Opened>> {
        let rehashed = if verdict.outdated { Some(self.hasher.hash(&login.password).await?) } else { None };
        let now = self.clock.now();
        let opened = transact(&self.db, |txn| {
            let rehashed = rehashed.as_deref();
            async move {
                let account = super::locked_in_txn(txn.as_ref(), checked.id).await?;
                if account.password_hash != checked.password_hash {
                    return Ok(None);
                }
                account.check_admitted(now)?;
                if let Some(hash) = rehashed {
                    users::rehash(txn.as_ref(), account.id, hash).await?;
                }
                let (session, token) = self.open_session_in_txn(txn.as_ref(), &account, client, now).await?;
                Ok(Some((account, session, token)))
            }
        });
        let Some((account, session, token)) = opened.await? else { return Ok(None) };
        self.opened(account, session, token).map(Some)
    }

    /// Holds a password against a hash, unless too many tries under the key
    /// failed before; counts this one when it fails.
    ///
    /// # Errors
    /// `RATE_LIMITED`, without looking at the password.
    pub(super) async fn attempt(&self, key: &str, password: &str, stored: Option<&str>) -> Result<Verdict> {
        let _turn = self.turns.take(key).await;
        let now = self.clock.now();
        let before = failures::find(&self.db, key, now).await?;
        if let Some(wait) = before.and_then(|f| (f.blocked_until - now).to_std().ok()).filter(|w| *w > Duration::ZERO) {
            return Err(
                Error::new(Reason::RateLimited, "too many failed tries; wait before the next").retry_after(wait)
            );
        }
        let verdict = self.hasher.verify(password, stored).await?;
        if !verdict.matches {
            self.count_failure(key).await?;
        } else if before.is_some() {
            failures::forget(&self.db, key).await?;
        }
        Ok(verdict)
    }

    async fn count_failure(&self, key: &str) -> Result<()> {
        let rules = &self.config.throttle;
        let now = self.clock.now();
        let counted = transact(&self.db, |txn| async move {
            let count = failures::count_in_txn(txn.as_ref(), key, now).await?.saturating_add(1);
            let failures = Failures { count, blocked_until: now + rules.wait(count) };
            Ok(failures::set_in_txn(txn.as_ref(), key, failures, now + rules.memory()).await?)
        });
        counted.await
    }
}
