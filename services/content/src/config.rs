//! The service's own settings, `FENZ_CONTENT__…`.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// `FENZ_CONTENT__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the service listens; without one 127.0.0.1 and its default port.
    pub listen: Option<SocketAddr>,
    /// How long after its creation a video can be neither edited nor deleted.
    #[serde(with = "humantime_serde")]
    pub edit_cooldown: Duration,
    /// How long a playback URL is good.
    #[serde(with = "humantime_serde")]
    pub playback_ttl: Duration,
    /// How many videos deep a list can be paged.
    pub max_page_depth: u64,
    /// After this an upload claimed for a video that never came is handed back.
    /// Longer than any request may take.
    #[serde(with = "humantime_serde")]
    pub claim_timeout: Duration,
    /// How long a membership that was seen is taken for granted. Its absence, or
    /// a tier that does not suffice, is not: who subscribes may watch at once.
    #[serde(with = "humantime_serde")]
    pub membership_ttl: Duration,
    pub cache: CacheConfig,
}

impl Config {
    /// # Errors
    /// Names the key and what it should be.
    pub fn check(&self, request_timeout: Duration) -> Result<()> {
        ensure!(
            self.claim_timeout > request_timeout,
            "FENZ_CONTENT__CLAIM_TIMEOUT should be longer than FENZ_SERVER__REQUEST_TIMEOUT ({request_timeout:?})"
        );
        Ok(())
    }
}

/// `FENZ_CONTENT__CACHE__…`: videos that are watched right now, in memory.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    pub max_entries: u64,
    /// How old an answer may be that another replica has changed meanwhile.
    #[serde(with = "humantime_serde")]
    pub ttl: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: None,
            edit_cooldown: Duration::from_secs(600),
            playback_ttl: Duration::from_secs(6 * 3600),
            max_page_depth: 10_000,
            claim_timeout: Duration::from_secs(600),
            membership_ttl: Duration::from_secs(3),
            cache: CacheConfig::default(),
        }
    }
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { max_entries: 10_000, ttl: Duration::from_secs(1) }
    }
}
