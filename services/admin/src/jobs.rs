//! Background work, each done by one replica for all.

use std::time::Duration;

use fenz_chassis::Platform;
use fenz_events::Lease;

use crate::app::App;

/// How often erasures are looked for that are to be told again.
const TELL_AGAIN: Duration = Duration::from_secs(5);
const PRUNE: Duration = Duration::from_secs(3600);

pub fn start(platform: &Platform, app: &App) -> anyhow::Result<()> {
    let (telling, lease) = (app.clone(), Lease::new(platform, "erasures_told_again")?);
    let every = TELL_AGAIN.min(app.erasure_retry() / 2);
    platform.every("erasures.tell_again", every, move || {
        let (app, lease) = (telling.clone(), lease.clone());
        async move { Ok(app.tell_again(&lease).await?) }
    });

    let (pruning, lease) = (app.clone(), Lease::new(platform, "reports_pruned")?);
    platform.every("reports.prune", PRUNE, move || {
        let (app, lease) = (pruning.clone(), lease.clone());
        async move { Ok(app.prune_reports(&lease).await?) }
    });
    Ok(())
}
