//! Background work.

use std::time::Duration;

use fenz_chassis::Platform;
use fenz_events::Lease;

use crate::app::App;

const PRUNE: Duration = Duration::from_secs(3600);
const PRUNE_TICKETS: Duration = Duration::from_secs(300);
/// How often rows of deleted channels are removed.
const SWEEP: Duration = Duration::from_secs(5);

pub fn start(platform: &Platform, app: &App) {
    let (streams, poll_every) = (app.streams.clone(), app.config.poll_every);
    let (draining, stop) = (platform.draining.clone(), platform.stop.clone());
    platform.spawn("streams", async move {
        // Open streams end first: they would hold the drain for its whole timeout.
        streams.dispatch(poll_every, draining).await;
        stop.cancelled().await;
        Ok(())
    });

    let pruned = app.clone();
    platform.every("prune", PRUNE, move || {
        let app = pruned.clone();
        async move { Ok(app.prune().await?) }
    });

    let tickets = app.clone();
    platform.every("stream_tickets", PRUNE_TICKETS, move || {
        let app = tickets.clone();
        async move {
            app.prune_tombstones().await?;
            Ok(app.prune_tickets().await?)
        }
    });

    let (sweeping, lease) = (app.clone(), Lease::new(platform, app.db.clone(), "channels_swept"));
    platform.every("channels.sweep", SWEEP, move || {
        let (app, lease) = (sweeping.clone(), lease.clone());
        async move { Ok(app.sweep_channels(&lease).await?) }
    });
}
