//! Logs: JSON for machines, pretty for people.

use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// `FENZ_TELEMETRY__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    /// `json` or `pretty`.
    pub format: Format,
    /// What to log, e.g. `info` or `info,fenz_media=debug`.
    pub level: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
    Pretty,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { format: Format::Json, level: "info,sqlx=warn,sea_orm_migration=warn,s3s=warn,s3s_fs=warn".to_owned() }
    }
}

/// Starts logging to standard error. A second call changes nothing: in
/// standalone the first service's settings hold for all.
pub fn init(settings: &TelemetrySettings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.level)
        .map_err(|e| anyhow::anyhow!("FENZ_TELEMETRY__LEVEL should be levels such as `info`: {e}"))?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // Fails only when a subscriber is set already.
    match settings.format {
        Format::Json => registry.with(layer.json().flatten_event(true)).try_init().ok(),
        Format::Pretty => registry.with(layer.with_target(false)).try_init().ok(),
    };
    Ok(())
}
