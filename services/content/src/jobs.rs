//! Background work.

use std::time::Duration;

use fenz_chassis::Platform;

use crate::app::App;

/// How long a view waits in memory at most.
const FLUSH_VIEWS: Duration = Duration::from_secs(5);
/// After this, requests that were open when the service stopped have answered.
const LAST_VIEWS: Duration = Duration::from_millis(300);
/// How often errands of other replicas, and those put off, are looked for.
const PERFORM_ERRANDS: Duration = Duration::from_secs(5);
const FORGET_KEYS: Duration = Duration::from_secs(3600);

pub fn start(platform: &Platform, app: &App) {
    let (views, stop) = (app.clone(), platform.stop.clone());
    platform.spawn("views", async move {
        while stop.run_until_cancelled(tokio::time::sleep(FLUSH_VIEWS)).await.is_some() {
            flush(&views).await;
        }
        flush(&views).await;
        tokio::time::sleep(LAST_VIEWS).await;
        flush(&views).await;
        Ok(())
    });

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

    let keys = app.clone();
    platform.every("idempotency_keys", FORGET_KEYS, move || {
        let keys = keys.clone();
        async move { Ok(keys.forget_old_keys().await?) }
    });
}

async fn flush(app: &App) {
    if let Err(error) = app.flush_views().await {
        tracing::warn!(%error, "views could not be stored; trying again");
    }
}
