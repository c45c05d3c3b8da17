//! Background work.

use std::time::Duration;

use fenz_chassis::Platform;

use crate::app::App;

/// How often to poll for calls stored by other replicas or rescheduled.
const PENDING_CALLS_POLL: Duration = Duration::from_secs(5);
/// How often to poll for channels deleted on other replicas.
const CLEANUP_POLL: Duration = Duration::from_secs(5);

pub fn start(platform: &Platform, app: &App) {
    let (pending_calls, stop) = (app.pending_calls.clone(), platform.stop.clone());
    platform.spawn("pending_calls", async move {
        loop {
            if let Err(error) = pending_calls.run_due().await {
                tracing::warn!(%error, "pending calls not read, retrying");
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = pending_calls.notified() => {}
                () = tokio::time::sleep(PENDING_CALLS_POLL) => {}
            }
        }
    });
    let (app, stop) = (app.clone(), platform.stop.clone());
    platform.spawn("channel_cleanup", async move {
        loop {
            match stop.run_until_cancelled(app.run_cleanups()).await {
                None => return Ok(()),
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!(%error, "channel cleanup failed, retrying"),
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = app.cleanup_notify.notified() => {}
                () = tokio::time::sleep(CLEANUP_POLL) => {}
            }
        }
    });
}
