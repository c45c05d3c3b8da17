//! The service's own settings, `FENZ_NOTIFICATION__…`.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// `FENZ_NOTIFICATION__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a notification is kept.
    #[serde(with = "humantime_serde")]
    pub keep: Duration,
    /// How often an idle stream sends a heartbeat. Shorter than the gateway's idle
    /// timeout.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    /// After this a stream ends and its client reconnects.
    #[serde(with = "humantime_serde")]
    pub stream_lifetime: Duration,
    /// How often the stream dispatcher polls for events that other replicas handled.
    #[serde(with = "humantime_serde")]
    pub poll_every: Duration,
    /// A user's open streams per replica; opening one more ends the oldest.
    pub streams_per_user: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(90 * 24 * 3600),
            heartbeat: Duration::from_secs(15),
            stream_lifetime: Duration::from_secs(3600),
            poll_every: Duration::from_millis(500),
            streams_per_user: 20,
        }
    }
}

impl Config {
    /// # Errors
    /// Names the key and what it should be.
    pub fn check(&self) -> Result<()> {
        for (name, span) in
            [("HEARTBEAT", self.heartbeat), ("STREAM_LIFETIME", self.stream_lifetime), ("POLL_EVERY", self.poll_every)]
        {
            ensure!(span >= Duration::from_millis(10), "FENZ_NOTIFICATION__{name} should be at least 10ms");
        }
        ensure!(self.keep >= Duration::from_secs(3600), "FENZ_NOTIFICATION__KEEP should be at least 1h");
        ensure!(self.streams_per_user > 0, "FENZ_NOTIFICATION__STREAMS_PER_USER should be at least 1");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_bad_values_are_named() {
        Config::default().check().unwrap();
        let message = |config: Config| config.check().unwrap_err().to_string();
        assert!(message(Config { heartbeat: Duration::ZERO, ..Config::default() }).contains("HEARTBEAT"));
        assert!(message(Config { streams_per_user: 0, ..Config::default() }).contains("STREAMS_PER_USER"));
        assert!(message(Config { keep: Duration::ZERO, ..Config::default() }).contains("KEEP"));
    }
}
