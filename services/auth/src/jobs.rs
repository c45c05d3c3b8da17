//! Background jobs.

use std::time::Duration;

use fenz_chassis::Platform;
use fenz_events::Lease;

use crate::app::App;

/// The delay until a key made by `rotate-keys` is published.
const KEY_RELOAD_INTERVAL: Duration = Duration::from_secs(5);
const PENDING_CALLS_INTERVAL: Duration = Duration::from_secs(5);
const PRUNE_INTERVAL: Duration = Duration::from_secs(600);

/// Starts the jobs.
///
/// # Errors
/// When the service has no database.
pub fn start(platform: &Platform, app: &App) {
    let keys = app.clone();
    platform.every("signing_keys", KEY_RELOAD_INTERVAL, move || {
        let app = keys.clone();
        async move { app.keys.reload(&app.db, app.clock.now()).await }
    });
    let calls = app.clone();
    platform.every("pending_calls", PENDING_CALLS_INTERVAL, move || {
        let app = calls.clone();
        async move { app.run_due_calls().await }
    });
    let prune = app.clone();
    platform.every("prune", PRUNE_INTERVAL, move || {
        let app = prune.clone();
        async move { app.prune().await }
    });
    let (report, lease) = (app.clone(), Lease::new(platform, app.db.clone(), "failure_report"));
    platform.every("failure_report", app.config.failure_report_interval, move || {
        let (app, lease) = (report.clone(), lease.clone());
        async move { Ok(app.report_failures(&lease).await?) }
    });
}
