//! The service's own settings, `FENZ_CONTENT__…`.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// `FENZ_CONTENT__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long after its creation a video cannot be edited or deleted.
    #[serde(with = "humantime_serde")]
    pub edit_cooldown: Duration,
    /// Validity of playback URLs.
    #[serde(with = "humantime_serde")]
    pub playback_ttl: Duration,
    /// Validity of the URLs that the owner and moderators get of a video that is
    /// not public.
    #[serde(with = "humantime_serde")]
    pub insider_ttl: Duration,
    /// The largest offset of a page in a list of videos.
    pub max_page_depth: u64,
    /// How long memberships are cached. An absent or too low one is always queried
    /// again, so that new subscribers can watch at once.
    #[serde(with = "humantime_serde")]
    pub membership_ttl: Duration,
    pub cache: CacheConfig,
    pub views: ViewsConfig,
}

impl Config {
    /// # Errors
    /// Names the key and what it should be.
    pub fn check(&self) -> Result<()> {
        ensure!(!self.insider_ttl.is_zero(), "FENZ_CONTENT__INSIDER_TTL should be longer than zero, e.g. 15min");
        ensure!(
            !self.views.flush_every.is_zero(),
            "FENZ_CONTENT__VIEWS__FLUSH_EVERY should be longer than zero, e.g. 30s"
        );
        Ok(())
    }
}

/// `FENZ_CONTENT__CACHE__…`: the in-memory cache of videos.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    pub max_entries: u64,
    /// The maximum age of a cached video, should the event of a change be lost.
    #[serde(with = "humantime_serde")]
    pub ttl: Duration,
}

/// `FENZ_CONTENT__VIEWS__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ViewsConfig {
    /// How often views are flushed to the database. Until then they are in Redis,
    /// or without Redis in memory, where a process that is killed loses them.
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
            edit_cooldown: Duration::from_secs(600),
            playback_ttl: Duration::from_secs(6 * 3600),
            insider_ttl: Duration::from_secs(15 * 60),
            max_page_depth: 10_000,
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
