//! The service's own settings, `FENZ_MEDIA__…`.

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::domain::{quota::Quota, upload::Kind};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Sizes are in bytes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub max_video_bytes: u64,
    pub max_image_bytes: u64,
    /// Stored bytes per user.
    pub storage_quota_bytes: u64,
    /// Uploaded bytes per user and day (UTC).
    pub daily_quota_bytes: u64,
    /// An upload that nothing uses within this time is removed.
    #[serde(with = "humantime_serde")]
    pub unused_after: Duration,
    /// How long an upload is reserved for an object that is about to use it; the object
    /// must be stored within half of that.
    #[serde(with = "humantime_serde")]
    pub reserved_for: Duration,
    /// An upload that receives no bytes for this long is aborted.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// Bytes that an upload has to bring in a second, averaged over each period but the
    /// first; 0 is no limit.
    pub min_upload_rate: u64,
    #[serde(with = "humantime_serde")]
    pub min_upload_rate_period: Duration,
    /// An upload without a heartbeat for this long was interrupted.
    #[serde(with = "humantime_serde")]
    pub interrupted_after: Duration,
    /// How often unused and interrupted uploads are removed.
    #[serde(with = "humantime_serde")]
    pub sweep_every: Duration,
    /// The part size of multipart uploads; S3 allows 10,000 parts of at least 5 MiB.
    pub part_bytes: u64,
    /// The limit of concurrent uploads; each buffers up to three parts in memory. An
    /// address has at most half of them.
    pub uploads_at_once: usize,
    /// The limit of concurrent uploads per user, who has at most a quarter of all.
    pub uploads_per_user: usize,
    /// The timeout of copying the part of a video that is probed, and of each program that
    /// reads it.
    #[serde(with = "humantime_serde")]
    pub probe_timeout: Duration,
    /// The folder of temporary copies for probing; the system's default if empty.
    pub temp_dir: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_video_bytes: 2 * GIB,
            max_image_bytes: 10 * MIB,
            storage_quota_bytes: 200 * GIB,
            daily_quota_bytes: 50 * GIB,
            unused_after: Duration::from_secs(24 * 3600),
            reserved_for: Duration::from_secs(600),
            idle_timeout: Duration::from_secs(30),
            min_upload_rate: 16 << 10,
            min_upload_rate_period: Duration::from_secs(60),
            interrupted_after: Duration::from_secs(300),
            sweep_every: Duration::from_secs(60),
            part_bytes: 8 * MIB,
            uploads_at_once: 64,
            uploads_per_user: 8,
            probe_timeout: Duration::from_secs(20),
            temp_dir: None,
        }
    }
}

impl Config {
    /// # Errors
    /// Names the setting and what it should be.
    pub fn check(&self) -> Result<()> {
        if !(5 * MIB..=64 * MIB).contains(&self.part_bytes) {
            bail!("FENZ_MEDIA__PART_BYTES should be from 5242880 to 67108864");
        }
        for (name, count) in [("AT_ONCE", self.uploads_at_once), ("PER_USER", self.uploads_per_user)] {
            if !(1..=10_000).contains(&count) {
                bail!("FENZ_MEDIA__UPLOADS_{name} should be from 1 to 10000");
            }
        }
        if self.max_video_bytes > 10_000 * self.part_bytes {
            bail!("FENZ_MEDIA__MAX_VIDEO_BYTES should be at most 10000 times FENZ_MEDIA__PART_BYTES");
        }
        for (name, span) in [
            ("UNUSED_AFTER", self.unused_after),
            ("IDLE_TIMEOUT", self.idle_timeout),
            ("MIN_UPLOAD_RATE_PERIOD", self.min_upload_rate_period),
            ("INTERRUPTED_AFTER", self.interrupted_after),
            ("SWEEP_EVERY", self.sweep_every),
            ("PROBE_TIMEOUT", self.probe_timeout),
        ] {
            if span < Duration::from_millis(100) {
                bail!("FENZ_MEDIA__{name} should be at least 100ms");
            }
        }
        if self.min_upload_rate > MIB {
            bail!("FENZ_MEDIA__MIN_UPLOAD_RATE should be at most 1048576");
        }
        // Eight of them fit into an attempt of the job.
        if self.probe_timeout > Duration::from_secs(120) {
            bail!("FENZ_MEDIA__PROBE_TIMEOUT should be at most 2m");
        }
        if self.reserved_for < Duration::from_secs(60) {
            bail!("FENZ_MEDIA__RESERVED_FOR should be at least 60s");
        }
        if let Some(folder) = self.temp_dir.as_ref().filter(|folder| !folder.is_dir()) {
            bail!("FENZ_MEDIA__TEMP_DIR should be a folder, {} is none", folder.display());
        }
        Ok(())
    }

    /// The largest allowed file.
    pub fn limit(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Video => self.max_video_bytes,
            Kind::Image => self.max_image_bytes,
        }
    }

    pub fn quota(&self) -> Quota {
        Quota { stored: self.storage_quota_bytes, daily: self.daily_quota_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_errors_name_the_setting() {
        Config::default().check().unwrap();
        let error = |config: Config| config.check().unwrap_err().to_string();
        assert!(error(Config { part_bytes: 1, ..Config::default() }).contains("PART_BYTES"));
        assert!(error(Config { uploads_per_user: 0, ..Config::default() }).contains("UPLOADS_PER_USER"));
        assert!(error(Config { idle_timeout: Duration::ZERO, ..Config::default() }).contains("IDLE_TIMEOUT"));
        assert!(error(Config { min_upload_rate: 2 << 20, ..Config::default() }).contains("MIN_UPLOAD_RATE"));
        assert!(error(Config { temp_dir: Some("/nowhere".into()), ..Config::default() }).contains("TEMP_DIR"));
        assert!(
            error(Config { probe_timeout: Duration::from_secs(121), ..Config::default() }).contains("PROBE_TIMEOUT")
        );
        assert!(error(Config { max_video_bytes: u64::MAX, ..Config::default() }).contains("MAX_VIDEO_BYTES"));
    }
}
