//! Background jobs, each run by one replica at a time.

use std::time::Duration;

use fenz_chassis::Platform;
use fenz_events::Lease;

use crate::app::App;

/// The poll interval of erasures to be retried.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);

pub fn start(platform: &Platform, app: &App) {
    let (retrying, lease) = (app.clone(), Lease::new(platform, app.db.clone(), "erasures_retry"));
    let interval = RETRY_INTERVAL.min(app.erasure_retry() / 2);
    platform.every("erasures.retry", interval, move || {
        let (app, lease) = (retrying.clone(), lease.clone());
        async move { Ok(app.retry_erasures(&lease).await?) }
    });

    let (pruning, lease) = (app.clone(), Lease::new(platform, app.db.clone(), "reports_prune"));
    platform.every("reports.prune", PRUNE_INTERVAL, move || {
        let (app, lease) = (pruning.clone(), lease.clone());
        async move { Ok(app.prune_reports(&lease).await?) }
    });

    let (pruning, lease) = (app.clone(), Lease::new(platform, app.db.clone(), "audit_prune"));
    platform.every("audit.prune", PRUNE_INTERVAL, move || {
        let (app, lease) = (pruning.clone(), lease.clone());
        async move { Ok(app.prune_audit_log(&lease).await?) }
    });
}
