//! Background work.

use std::time::Duration;

use fenz_chassis::Platform;

use crate::app::App;

/// How often errands of other replicas, and those put off, are looked for.
const PERFORM_ERRANDS: Duration = Duration::from_secs(5);
/// How often deleted channels of other replicas are looked for.
const CLEAR: Duration = Duration::from_secs(5);

pub fn start(platform: &Platform, app: &App) {
    let (errands, stop) = (app.errands.clone(), platform.stop.clone());
    platform.spawn("media_errands", async move {
        loop {
            if let Err(error) = errands.perform_due().await {
                tracing::warn!(%error, "errands could not be read; trying again");
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = errands.woken() => {}
                () = tokio::time::sleep(PERFORM_ERRANDS) => {}
            }
        }
    });
    let (clearing, stop) = (app.clone(), platform.stop.clone());
    platform.spawn("clearing", async move {
        loop {
            match stop.run_until_cancelled(clearing.clear_all()).await {
                None => return Ok(()),
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!(%error, "a deleted channel is not cleared yet; trying again"),
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = clearing.clearing.notified() => {}
                () = tokio::time::sleep(CLEAR) => {}
            }
        }
    });
}
