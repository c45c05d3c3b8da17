//! The service's own settings, `FENZ_RECOMMENDATION__…`.

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// `FENZ_RECOMMENDATION__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long tags of guests are kept.
    #[serde(with = "humantime_serde")]
    pub keep_guests: Duration,
    /// How often popularity is recomputed.
    #[serde(with = "humantime_serde")]
    pub popular_every: Duration,
    /// Concurrent database reads by requests.
    pub database_reads: usize,
    /// Videos in memory, per process. Each counts as one plus its kilobytes.
    pub cached_videos: u64,
    /// The newest videos that are written to an empty Redis before the first
    /// request. Sets of ids are written completely.
    pub warm_videos: u64,
    /// The directory of the search index. Replicas that share it each use a
    /// subdirectory.
    pub index_dir: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            keep_guests: Duration::from_secs(90 * 24 * 3600),
            popular_every: Duration::from_secs(60),
            database_reads: 4,
            cached_videos: 50_000,
            warm_videos: 100_000,
            index_dir: PathBuf::from("./data/search"),
        }
    }
}

impl Config {
    /// # Errors
    /// Names the key and what it should be.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.keep_guests >= Duration::from_secs(3600),
            "FENZ_RECOMMENDATION__KEEP_GUESTS should be at least 1h"
        );
        ensure!(
            self.popular_every >= Duration::from_millis(10),
            "FENZ_RECOMMENDATION__POPULAR_EVERY should be at least 10ms"
        );
        ensure!(self.database_reads > 0, "FENZ_RECOMMENDATION__DATABASE_READS should be at least 1");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_errors_name_the_key() {
        Config::default().check().unwrap();
        let error = |config: Config| config.check().unwrap_err().to_string();
        assert!(error(Config { keep_guests: Duration::ZERO, ..Config::default() }).contains("KEEP_GUESTS"));
        assert!(error(Config { popular_every: Duration::ZERO, ..Config::default() }).contains("POPULAR_EVERY"));
        assert!(error(Config { database_reads: 0, ..Config::default() }).contains("DATABASE_READS"));
    }
}
