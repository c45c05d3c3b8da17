//! Background work.

use std::time::Duration;

use fenz_chassis::Platform;

use crate::app::App;

const PRUNE: Duration = Duration::from_secs(3600);
const PRUNE_TICKETS: Duration = Duration::from_secs(300);

pub fn start(platform: &Platform, app: &App) {
    let (hub, stop, poll_every) = (app.hub.clone(), platform.stop.clone(), app.config.poll_every);
    platform.spawn("streams", async move {
        hub.follow(poll_every, stop).await;
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
        async move { Ok(app.prune_tickets().await?) }
    });
}
