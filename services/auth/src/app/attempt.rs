//! Trying a password, throttled: whatever asks for one comes through here.

use std::time::Duration;

use fenz_chassis::{Error, Reason, Result, UserId, database::transact};

use super::App;
use crate::{
    domain::{account::Account, secret, session::Client, throttle},
    hashing::Verdict,
    store::{
        failures::{self, Failures},
        unreported_failures,
    },
};

/// Where and under which name a password is tried.
pub struct Attempt {
    /// Of name and address.
    key: String,
    /// Of the name alone.
    subject: String,
    /// What the audit log will hear of if it fails.
    unreported: Option<unreported_failures::Failures>,
}

impl Attempt {
    /// Somebody signs in under a name, whether or not it exists.
    pub fn of_login(name: &str, client: &Client) -> Self {
        let subject = throttle::subject(name);
        let address = client.address.map(|a| a.to_string()).unwrap_or_default();
        let unreported = unreported_failures::Failures {
            // No name has a zero.
            digest: secret::digest(&format!("{name}\0{address}")),
            subject: subject.clone(),
            name: name.to_owned(),
            address,
            count: 1,
        };
        Self { key: throttle::key(name, client.address), subject, unreported: Some(unreported) }
    }

    /// Somebody who is signed in is asked for the password again; counted
    /// apart from logins: those stay possible.
    pub fn of_owner(account: &Account, client: &Client) -> Self {
        let name = owner(account.id);
        Self { key: throttle::key(&name, client.address), subject: throttle::subject(&name), unreported: None }
    }
}

fn owner(user: UserId) -> String {
    format!("password:{user}")
}

/// The subjects under which tries for an account are counted.
pub fn subjects(user: UserId, account: Option<&Account>) -> Vec<String> {
    let mut subjects = vec![throttle::subject(&owner(user))];
    if let Some(account) = account {
        subjects.extend([&account.username, &account.email].map(|name| throttle::subject(name)));
    }
    subjects
}

impl App {
    /// Holds a password against a hash, unless too many tries under the key
    /// failed before; counts this one when it fails.
    ///
    /// # Errors
    /// `RATE_LIMITED`, without looking at the password.
    pub(super) async fn attempt(&self, at: &Attempt, password: &str, stored: Option<&str>) -> Result<Verdict> {
        let key = at.key.as_str();
        let _turn = self.turns.take(key).await;
        let before = failures::find(&self.db, key, self.clock.now()).await?;
        // After the look: one beside us may just have noted a later moment than ours.
        let now = self.clock.now();
        if let Some(wait) = before.and_then(|f| (f.blocked_until - now).to_std().ok()).filter(|w| *w > Duration::ZERO) {
            return Err(
                Error::new(Reason::RateLimited, "too many failed tries; wait before the next").retry_after(wait)
            );
        }
        let verdict = self.hasher.verify(password, stored).await?;
        if !verdict.matches {
            self.count_failure(at).await?;
        } else if before.is_some() {
            failures::forget(&self.db, key).await?;
        }
        Ok(verdict)
    }

    async fn count_failure(&self, at: &Attempt) -> Result<()> {
        let rules = &self.config.throttle;
        let now = self.clock.now();
        let counted = transact(&self.db, |txn| async move {
            let count = failures::count_in_txn(txn.as_ref(), &at.key, &at.subject, now).await?.saturating_add(1);
            let failures = Failures { count, blocked_until: now + rules.wait(count) };
            failures::set_in_txn(txn.as_ref(), &at.key, failures, now + rules.memory()).await?;
            if let Some(unreported) = &at.unreported {
                unreported_failures::add(txn.as_ref(), unreported).await?;
            }
            Ok(())
        });
        counted.await
    }
}
