//! Background jobs.

use std::time::Duration;

use fenz_chassis::Platform;
use fenz_events::Lease;
use fenz_jobs::{Jobs, Worker};

use crate::app::App;

/// The delay until a key made by `rotate-keys` is published.
const KEY_RELOAD_INTERVAL: Duration = Duration::from_secs(5);
const PRUNE_INTERVAL: Duration = Duration::from_secs(600);

/// Starts the jobs.
pub fn start(platform: &Platform, app: &App) {
    let keys = app.clone();
    platform.every("signing_keys", KEY_RELOAD_INTERVAL, move || {
        let app = keys.clone();
        async move { app.keys.reload(&app.db, app.clock.now()).await }
    });
    let prune = app.clone();
    Worker::new(&Jobs::new(platform, &app.db))
        .every("auth.prune", PRUNE_INTERVAL, move || {
            let app = prune.clone();
            async move { app.prune().await }
        })
        .start(platform);
    let (report, lease) = (app.clone(), Lease::new(platform, app.db.clone(), "failure_report"));
    platform.every("failure_report", app.config.failure_report_interval, move || {
        let (app, lease) = (report.clone(), lease.clone());
        async move { Ok(app.report_failures(&lease).await?) }
    });
}
