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
    /// How long the paths are good that its owner and moderators get of a video
    /// which nobody else may see.
    #[serde(with = "humantime_serde")]
    pub insider_ttl: Duration,
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
    pub views: ViewsConfig,
}

impl Config {
    /// # Errors
    /// Names the key and what it should be.
    pub fn check(&self, request_timeout: Duration) -> Result<()> {
        ensure!(
            self.claim_timeout > request_timeout,
            "FENZ_CONTENT__CLAIM_TIMEOUT should be longer than FENZ_SERVER__REQUEST_TIMEOUT ({request_timeout:?})"
        );
        ensure!(!self.insider_ttl.is_zero(), "FENZ_CONTENT__INSIDER_TTL should be longer than nothing, e.g. 15min");
        ensure!(
            !self.views.flush_every.is_zero(),
            "FENZ_CONTENT__VIEWS__FLUSH_EVERY should be longer than nothing, e.g. 30s"
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

/// `FENZ_CONTENT__VIEWS__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ViewsConfig {
    /// How long views wait until they are added to the totals: in Redis, or in
    /// memory, where those of a process that is killed are lost.
    #[serde(with = "humantime_serde")]
    pub flush_every: Duration,
}

impl Default for ViewsConfig {
    fn default() -> Self {
        Self { flush_every: Duration::from_secs(30) }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: None,
            edit_cooldown: Duration::from_secs(600),
            playback_ttl: Duration::from_secs(6 * 3600),
            insider_ttl: Duration::from_secs(15 * 60),
            max_page_depth: 10_000,
            claim_timeout: Duration::from_secs(600),
            membership_ttl: Duration::from_secs(3),
            cache: CacheConfig::default(),
            views: ViewsConfig::default(),
        }
    }
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { max_entries: 10_000, ttl: Duration::from_secs(1) }
    }
}
