//! The service's own settings, `FENZ_CHANNEL__…`.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// `FENZ_CHANNEL__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The last list entry that can be reached by paging.
    pub max_page_depth: u64,
    /// After this the claim of an edit that was not committed is released. Must
    /// be longer than any request.
    #[serde(with = "humantime_serde")]
    pub claim_timeout: Duration,
}

impl Config {
    /// # Errors
    /// Names the key and what it should be.
    pub fn check(&self, request_timeout: Duration) -> Result<()> {
        ensure!(
            self.claim_timeout > request_timeout,
            "FENZ_CHANNEL__CLAIM_TIMEOUT should be longer than FENZ_SERVER__REQUEST_TIMEOUT ({request_timeout:?})"
        );
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { max_page_depth: 10_000, claim_timeout: Duration::from_secs(600) }
    }
}
