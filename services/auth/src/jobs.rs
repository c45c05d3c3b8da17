//! Background work.

use std::time::Duration;

use fenz_chassis::Platform;
use fenz_events::Lease;

use crate::app::App;

/// How soon a key made by `rotate-keys` is published.
const KEYS: Duration = Duration::from_secs(5);
const ERRANDS: Duration = Duration::from_secs(5);
const PRUNE: Duration = Duration::from_secs(600);

/// Starts all of it.
///
/// # Errors
/// When the service has no database.
pub fn start(platform: &Platform, app: &App) -> anyhow::Result<()> {
    let keys = app.clone();
    platform.every("signing_keys", KEYS, move || {
        let app = keys.clone();
        async move { app.keys.reload(&app.db, app.clock.now()).await }
    });
    let errands = app.clone();
    platform.every("media_errands", ERRANDS, move || {
        let app = errands.clone();
        async move { app.run_errands().await }
    });
    let prune = app.clone();
    platform.every("prune", PRUNE, move || {
        let app = prune.clone();
        async move { app.prune().await }
    });
    let (report, lease) = (app.clone(), Lease::new(platform, "failure_report")?);
    platform.every("failure_report", app.config.failure_report_interval, move || {
        let (app, lease) = (report.clone(), lease.clone());
        async move { Ok(app.report_failures(&lease).await?) }
    });
    Ok(())
}
