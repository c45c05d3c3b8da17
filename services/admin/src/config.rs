//! The service's own settings, `FENZ_ADMIN__…`.

use std::time::Duration;

use anyhow::{Result, ensure};
use fenz_contract::routes::HOSTS;
use serde::{Deserialize, Serialize};

/// `FENZ_ADMIN__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many entries of a list can be paged through.
    pub max_page_depth: u64,
    /// The services that take part in erasures, comma-separated.
    pub erasure_services: String,
    /// The first delay before the event of an incomplete erasure is published
    /// again; it doubles up to ten minutes.
    #[serde(with = "humantime_serde")]
    pub erasure_retry: Duration,
    /// How many open reports a user may have.
    pub max_open_reports: u64,
    /// How long a closed report is kept.
    #[serde(with = "humantime_serde")]
    pub keep_reports: Duration,
    pub audit: Audit,
}

/// `FENZ_ADMIN__AUDIT__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// How long failed logins with names of nobody are kept: strangers can add them. All
    /// other entries are kept for ever.
    #[serde(with = "humantime_serde")]
    pub keep_without_subject: Duration,
}

impl Default for Audit {
    fn default() -> Self {
        Self { keep_without_subject: Duration::from_secs(180 * 24 * 3600) }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_page_depth: 10_000,
            erasure_services: HOSTS.join(","),
            erasure_retry: Duration::from_secs(30),
            max_open_reports: 50,
            keep_reports: Duration::from_secs(2 * 365 * 24 * 3600),
            audit: Audit::default(),
        }
    }
}

impl Config {
    /// # Errors
    /// Names the key and what it should be.
    pub fn check(&self) -> Result<()> {
        let is_name = |name: &str| name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        ensure!(
            !self.services().is_empty() && self.services().iter().all(|name| is_name(name)),
            "FENZ_ADMIN__ERASURE_SERVICES should be names of services, comma-separated"
        );
        ensure!(self.erasure_retry >= Duration::from_millis(100), "FENZ_ADMIN__ERASURE_RETRY should be at least 100ms");
        let hour = Duration::from_secs(3600);
        ensure!(self.keep_reports >= hour, "FENZ_ADMIN__KEEP_REPORTS should be at least 1h");
        ensure!(
            self.audit.keep_without_subject >= hour,
            "FENZ_ADMIN__AUDIT__KEEP_WITHOUT_SUBJECT should be at least 1h"
        );
        Ok(())
    }

    /// The services that take part in erasures, without duplicates.
    pub fn services(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .erasure_services
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_errors_name_the_setting() {
        Config::default().check().unwrap();
        assert_eq!(Config::default().services(), HOSTS, "every service of the contract takes part");
        let error = |config: Config| config.check().unwrap_err().to_string();
        for services in ["", " , ", "Auth", "a b"] {
            let config = Config { erasure_services: services.into(), ..Config::default() };
            assert!(error(config).contains("ERASURE_SERVICES"), "{services}");
        }
        assert!(error(Config { erasure_retry: Duration::ZERO, ..Config::default() }).contains("ERASURE_RETRY"));
        assert!(error(Config { keep_reports: Duration::ZERO, ..Config::default() }).contains("KEEP_REPORTS"));
        let audit = Audit { keep_without_subject: Duration::ZERO };
        assert!(error(Config { audit, ..Config::default() }).contains("AUDIT__KEEP_WITHOUT_SUBJECT"));
        let duplicates = Config { erasure_services: "b, a,b".into(), ..Config::default() };
        assert_eq!(duplicates.services(), ["a", "b"]);
    }
}
