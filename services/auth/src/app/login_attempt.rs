//! Throttled password verification, for logins and reauthentication.

use std::time::Duration;

use fenz_core::{Error, Reason, Result, UserId};
use fenz_database::transact;

use super::{App, keyed_semaphore::KeyedPermit};
use crate::{
    domain::{
        account::Account,
        secret::{self, DigestKey},
        session::Client,
        throttle::{self, Scope, Subject},
    },
    hashing::Verification,
    store::{
        failures::{self, Failures},
        unreported_failures,
    },
};

/// What failures of a password verification are counted under.
pub struct LoginAttempt {
    /// The digest of the subject, so that a user's counts can be deleted.
    subject: String,
    budgets: [Budget; 2],
    /// Reported to the audit log if it fails.
    unreported: Option<unreported_failures::Failures>,
}

struct Budget {
    key: String,
    scope: Scope,
}

impl LoginAttempt {
    fn new(key: &DigestKey, subject: Subject, client: &Client) -> Self {
        let subject = subject.digest(key);
        let budgets = Scope::ALL.map(|scope| Budget { key: throttle::key(&subject, scope, client.address), scope });
        Self { subject, budgets, unreported: None }
    }

    /// A login with a name or an address, and the account that it found. However the
    /// name is spelled, the failures of an account have one budget.
    pub fn login(key: &DigestKey, name: &str, account: Option<&Account>, client: &Client) -> Self {
        let user = account.map(|account| account.id);
        let attempt = Self::new(key, user.map_or(Subject::Typed(name), Subject::Account), client);
        // A stranger has many addresses of a network, and any number of names.
        let address = client.address.map(|a| if user.is_some() { a.to_string() } else { throttle::network(a) });
        let address = address.unwrap_or_default();
        let unreported = unreported_failures::Failures {
            digest: secret::digest(&format!("{}\0{address}", attempt.subject)),
            subject: attempt.subject.clone(),
            user,
            address,
            count: 1,
        };
        Self { unreported: Some(unreported), ..attempt }
    }

    /// A signed-in user confirms their password.
    pub fn reauthentication(key: &DigestKey, account: &Account, client: &Client) -> Self {
        Self::new(key, Subject::Reauthentication(account.id), client)
    }

    fn keys(&self) -> [&str; 2] {
        self.budgets.each_ref().map(|budget| budget.key.as_str())
    }
}

/// The digests of the subjects under which failures for an account are counted; of its
/// names from before it existed, too.
pub fn subjects(key: &DigestKey, user: UserId, account: Option<&Account>) -> Vec<String> {
    let names = account.into_iter().flat_map(|account| [&account.username, &account.email]);
    let typed = names.map(|name| Subject::Typed(name));
    let subjects = [Subject::Account(user), Subject::Reauthentication(user)].into_iter().chain(typed);
    subjects.map(|subject| subject.digest(key)).collect()
}

impl App {
    /// Verifies a password, unless too many attempts of a budget failed; counts a
    /// failure.
    ///
    /// # Errors
    /// `RATE_LIMITED`, without verifying.
    pub(super) async fn verify_password(
        &self,
        attempt: &LoginAttempt,
        password: &str,
        stored: Option<&str>,
    ) -> Result<Verification> {
        let keys = attempt.keys();
        let _permits = self.permits(attempt).await;
        let before = failures::find(&self.db, &keys, self.clock.now()).await?;
        // Read after the query: a concurrent attempt may have stored a later time.
        let now = self.clock.now();
        let blocked_until = before.iter().map(|failures| failures.blocked_until).max();
        if let Some(wait) = blocked_until.and_then(|until| (until - now).to_std().ok()).filter(|w| *w > Duration::ZERO)
        {
            return Err(
                Error::new(Reason::RateLimited, "too many failed attempts; wait before the next").retry_after(wait)
            );
        }
        let verification = self.hasher.verify(password, stored).await?;
        if !verification.matches {
            self.count_failure(attempt).await?;
        } else if !before.is_empty() {
            // One statement each: together they could deadlock with a failure being counted.
            for key in keys {
                failures::delete(&self.db, key).await?;
            }
        }
        Ok(verification)
    }

    /// As many of each budget as it has failures before the first delay.
    async fn permits(&self, attempt: &LoginAttempt) -> Vec<KeyedPermit> {
        let mut permits = Vec::new();
        for budget in &attempt.budgets {
            let limit = self.config.throttle.free_failures(budget.scope) as usize;
            permits.push(self.password_checks.acquire(&budget.key, limit).await);
        }
        permits
    }

    async fn count_failure(&self, attempt: &LoginAttempt) -> Result<()> {
        let rules = &self.config.throttle;
        let now = self.clock.now();
        let counted = transact(&self.db, |txn| async move {
            for Budget { key, scope } in &attempt.budgets {
                let count = failures::count_in_txn(txn.as_ref(), key, &attempt.subject, now).await?.saturating_add(1);
                let failures = Failures { count, blocked_until: now + rules.wait(*scope, count) };
                failures::set_in_txn(txn.as_ref(), key, failures, now + rules.retention()).await?;
                // A network that has to wait adds nothing to the budget of all: alone it cannot
                // block the account for others.
                if *scope == Scope::Network && count > rules.free_failures(*scope) {
                    break;
                }
            }
            if let Some(unreported) = &attempt.unreported {
                unreported_failures::add(txn.as_ref(), unreported).await?;
            }
            Ok(())
        });
        counted.await
    }
}
