//! The service's own settings, `FENZ_AUTH__…`.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use argon2::Params;
use fenz_chassis::Secret;
use serde::{Deserialize, Serialize};

use crate::domain::throttle;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long an access token lives.
    #[serde(with = "humantime_serde")]
    pub access_ttl: Duration,
    /// How long a session lives without being refreshed.
    #[serde(with = "humantime_serde")]
    pub refresh_ttl: Duration,
    /// How long one-time tokens live: password resets, changes of the email address.
    #[serde(with = "humantime_serde")]
    pub reset_ttl: Duration,
    pub registration: Registration,
    /// The accepted invitation codes, comma-separated.
    pub invitation_codes: Secret,
    /// Open sessions per user; a further login ends the least recently used.
    pub max_sessions: u64,
    /// How often failed logins are reported to the audit log.
    #[serde(with = "humantime_serde")]
    pub failure_report_interval: Duration,
    pub admin: Admin,
    pub hash: Hash,
    pub throttle: throttle::Rules,
}

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    Open,
    Closed,
    Invitation,
}

/// The first administrator; created while there is none.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    pub username: String,
    pub email: String,
    /// When empty, a password is generated and printed once.
    pub password: Secret,
}

impl Default for Admin {
    fn default() -> Self {
        Self { username: "admin".to_owned(), email: "admin@localhost".to_owned(), password: Secret::default() }
    }
}

/// The cost of a password hash (argon2id, RFC 9106). The defaults are OWASP's.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hash {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
    /// Passwords hashed at the same time; the number of cores when not set.
    pub concurrency: Option<usize>,
}

impl Default for Hash {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1, concurrency: None }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            access_ttl: Duration::from_secs(15 * 60),
            refresh_ttl: Duration::from_secs(30 * 24 * 3600),
            reset_ttl: Duration::from_secs(3600),
            registration: Registration::Open,
            invitation_codes: Secret::default(),
            max_sessions: 100,
            failure_report_interval: Duration::from_secs(10),
            admin: Admin::default(),
            hash: Hash::default(),
            throttle: throttle::Rules::default(),
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Config {
    /// # Errors
    /// Names the setting and what it should be.
    pub fn check(&self) -> Result<()> {
        let second = Duration::from_secs(1);
        for (name, value, max) in [
            ("ACCESS_TTL", self.access_ttl, DAY),
            ("REFRESH_TTL", self.refresh_ttl, 400 * DAY),
            ("RESET_TTL", self.reset_ttl, 7 * DAY),
            ("FAILURE_REPORT_INTERVAL", self.failure_report_interval, DAY),
            ("THROTTLE__FIRST_WAIT", self.throttle.first_wait, DAY),
            ("THROTTLE__LONGEST_WAIT", self.throttle.longest_wait, DAY),
        ] {
            ensure!(
                (second..=max).contains(&value),
                "FENZ_AUTH__{name} should be from 1s to {}h",
                max.as_secs() / 3600
            );
        }
        ensure!(
            self.refresh_ttl > self.access_ttl,
            "FENZ_AUTH__REFRESH_TTL should be longer than FENZ_AUTH__ACCESS_TTL"
        );
        ensure!((1..=10_000).contains(&self.max_sessions), "FENZ_AUTH__MAX_SESSIONS should be from 1 to 10000");
        ensure!(self.throttle.free_failures >= 1, "FENZ_AUTH__THROTTLE__FREE_FAILURES should be at least 1");
        if self.registration == Registration::Invitation && self.invitation_codes().next().is_none() {
            bail!(
                "FENZ_AUTH__INVITATION_CODES should name at least one code while FENZ_AUTH__REGISTRATION is invitation"
            );
        }
        ensure!(self.hash.concurrency != Some(0), "FENZ_AUTH__HASH__CONCURRENCY should be at least 1");
        self.hash.params()?;
        Ok(())
    }

    pub fn invitation_codes(&self) -> impl Iterator<Item = &str> {
        self.invitation_codes.expose().split(',').map(str::trim).filter(|code| !code.is_empty())
    }
}

impl Hash {
    /// # Errors
    /// When argon2 rejects the combination of values.
    pub fn params(&self) -> Result<Params> {
        ensure!(self.memory_kib <= 4 << 20, "FENZ_AUTH__HASH__MEMORY_KIB should be at most 4194304");
        Params::new(self.memory_kib, self.iterations, self.parallelism, Some(Params::DEFAULT_OUTPUT_LEN)).ok().context(
            "FENZ_AUTH__HASH: MEMORY_KIB should be at least 8 times PARALLELISM, ITERATIONS and PARALLELISM at least 1",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_errors_name_the_setting() {
        Config::default().check().unwrap();
        let error = |config: Config| config.check().unwrap_err().to_string();
        let short = Duration::from_millis(5);
        assert!(error(Config { access_ttl: short, ..Config::default() }).contains("FENZ_AUTH__ACCESS_TTL"));
        assert!(error(Config { refresh_ttl: 2 * 400 * DAY, ..Config::default() }).contains("REFRESH_TTL"));
        assert!(error(Config { max_sessions: 0, ..Config::default() }).contains("MAX_SESSIONS"));
        assert!(
            error(Config { registration: Registration::Invitation, ..Config::default() }).contains("INVITATION_CODES")
        );
        let hash = Hash { memory_kib: 1, ..Hash::default() };
        assert!(error(Config { hash, ..Config::default() }).contains("MEMORY_KIB"));
    }
}
