//! The service's own settings, `FENZ_RECOMMENDATION__…`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// `FENZ_RECOMMENDATION__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the service listens; without one 127.0.0.1 and its default port.
    pub listen: Option<SocketAddr>,
    /// How long what a guest picked is kept.
    #[serde(with = "humantime_serde")]
    pub keep_guests: Duration,
    /// How often popularity is reckoned anew.
    #[serde(with = "humantime_serde")]
    pub popular_every: Duration,
    /// Reads of the database that feeds may cause at a time.
    pub database_reads: usize,
    /// Videos that are kept in memory, per process; one counts once, and once
    /// more for each kilobyte that it has.
    pub cached_videos: u64,
    /// Videos that are put into an empty Redis before the first request, the
    /// newest. The sets of ids are put there whole.
    pub warm_videos: u64,
    /// Where the index of words is kept. Replicas that share the folder each
    /// have a part of it of their own.
    pub index_dir: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: None,
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
    fn the_defaults_hold_and_bad_values_are_named() {
        Config::default().check().unwrap();
        let says = |config: Config| config.check().unwrap_err().to_string();
        assert!(says(Config { keep_guests: Duration::ZERO, ..Config::default() }).contains("KEEP_GUESTS"));
        assert!(says(Config { popular_every: Duration::ZERO, ..Config::default() }).contains("POPULAR_EVERY"));
        assert!(says(Config { database_reads: 0, ..Config::default() }).contains("DATABASE_READS"));
    }
}
