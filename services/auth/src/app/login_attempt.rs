//! Throttled password verification, for logins and reauthentication.

use std::time::Duration;

use fenz_core::{Error, Reason, Result, UserId};
use fenz_database::transact;

use super::App;
use crate::{
    domain::{account::Account, secret, session::Client, throttle},
    hashing::Verification,
    store::{
        failures::{self, Failures},
        unreported_failures,
    },
};

/// What failures of a password verification are counted under.
pub struct LoginAttempt {
    /// Of name and address.
    key: String,
    /// Of the name alone.
    subject: String,
    /// Reported to the audit log if it fails.
    unreported: Option<unreported_failures::Failures>,
}

impl LoginAttempt {
    /// A login with a name, whether or not it exists.
    pub fn by_name(name: &str, client: &Client) -> Self {
        let subject = throttle::subject(name);
        let address = client.address.map(|a| a.to_string()).unwrap_or_default();
        let unreported = unreported_failures::Failures {
            // The contract admits no NUL in a name.
            digest: secret::digest(&format!("{name}\0{address}")),
            subject: subject.clone(),
            name: name.to_owned(),
            address,
            count: 1,
        };
        Self { key: throttle::key(name, client.address), subject, unreported: Some(unreported) }
    }

    /// A signed-in user confirms their password. Counted separately, so that
    /// failures do not block logins.
    pub fn reauthentication(account: &Account, client: &Client) -> Self {
        let name = reauthentication_name(account.id);
        Self { key: throttle::key(&name, client.address), subject: throttle::subject(&name), unreported: None }
    }
}

fn reauthentication_name(user: UserId) -> String {
    format!("password:{user}")
}

/// The subjects under which failures for an account are counted.
pub fn subjects(user: UserId, account: Option<&Account>) -> Vec<String> {
    let mut subjects = vec![throttle::subject(&reauthentication_name(user))];
    if let Some(account) = account {
        subjects.extend([&account.username, &account.email].map(|name| throttle::subject(name)));
    }
    subjects
}

impl App {
    /// Verifies a password, unless too many attempts under the key failed; counts
    /// a failure.
    ///
    /// # Errors
    /// `RATE_LIMITED`, without verifying.
    pub(super) async fn verify_password(
        &self,
        attempt: &LoginAttempt,
        password: &str,
        stored: Option<&str>,
    ) -> Result<Verification> {
        let key = attempt.key.as_str();
        let _permit = self.password_checks.acquire(key).await;
        let before = failures::find(&self.db, key, self.clock.now()).await?;
        // Read after the query: a concurrent attempt may have stored a later time.
        let now = self.clock.now();
        if let Some(wait) = before.and_then(|f| (f.blocked_until - now).to_std().ok()).filter(|w| *w > Duration::ZERO) {
            return Err(
                Error::new(Reason::RateLimited, "too many failed attempts; wait before the next").retry_after(wait)
            );
        }
        let verification = self.hasher.verify(password, stored).await?;
        if !verification.matches {
            self.count_failure(attempt).await?;
        } else if before.is_some() {
            failures::delete(&self.db, key).await?;
        }
        Ok(verification)
    }

    async fn count_failure(&self, attempt: &LoginAttempt) -> Result<()> {
        let rules = &self.config.throttle;
        let now = self.clock.now();
        let counted = transact(&self.db, |txn| async move {
            let count = failures::count_in_txn(txn.as_ref(), &attempt.key, &attempt.subject, now).await?;
            let count = count.saturating_add(1);
            let failures = Failures { count, blocked_until: now + rules.wait(count) };
            failures::set_in_txn(txn.as_ref(), &attempt.key, failures, now + rules.retention()).await?;
            if let Some(unreported) = &attempt.unreported {
                unreported_failures::add(txn.as_ref(), unreported).await?;
            }
            Ok(())
        });
        counted.await
    }
}
