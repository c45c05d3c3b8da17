//! Background work.

use std::time::Duration;

use fenz_chassis::Platform;
use fenz_events::Lease;
use tokio::time::Instant;

use crate::app::App;

/// A lease is renewed at least so often.
const RENEW: Duration = Duration::from_secs(5);
/// After this, requests that were open when the service stopped have answered.
const LAST_VIEWS: Duration = Duration::from_millis(300);
/// How often errands of other replicas, and those put off, are looked for.
const PERFORM_ERRANDS: Duration = Duration::from_secs(5);
/// How often sweeps that another replica ordered are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// The bell rings in a transaction that commits in moments.
const COMMIT: Duration = Duration::from_millis(50);
/// How long what was watched waits in memory.
const STORE_WATCHED: Duration = Duration::from_millis(500);
const HOURLY: Duration = Duration::from_secs(3600);

pub fn start(platform: &Platform, app: &App) -> anyhow::Result<()> {
    views_of_memory(platform, app);
    if app.views.is_shared() {
        views_of_redis(platform, app)?;
    }
    watched(platform, app);
    errands(platform, app);
    sweeps(platform, app)?;
    app.erasures.start(platform, app.clone())?;
    hourly(platform, app);
    Ok(())
}

fn views_of_memory(platform: &Platform, app: &App) {
    let (app, stop) = (app.clone(), platform.stop.clone());
    platform.spawn("views", async move {
        let every = app.config.views.flush_every;
        while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            flush_memory(&app).await;
        }
        flush_memory(&app).await;
        tokio::time::sleep(LAST_VIEWS).await;
        flush_memory(&app).await;
        Ok(())
    });
}

async fn flush_memory(app: &App) {
    if let Err(error) = app.views.flush_memory().await {
        tracing::warn!(%error, "views could not be stored; trying again");
    }
}

/// One replica does it for all.
fn views_of_redis(platform: &Platform, app: &App) -> anyhow::Result<()> {
    let (app, stop, lease) = (app.clone(), platform.stop.clone(), Lease::new(platform, "views")?);
    platform.spawn("views.shared", async move {
        let every = app.config.views.flush_every;
        let mut last = Instant::now();
        while stop.run_until_cancelled(tokio::time::sleep(every.min(RENEW))).await.is_some() {
            let flushed = async {
                if lease.hold().await? && last.elapsed() >= every {
                    app.views.flush_shared().await?;
                    last = Instant::now();
                }
                anyhow::Ok(())
            };
            if let Err(error) = flushed.await {
                tracing::warn!(error = format!("{error:#}"), "views in redis could not be stored; trying again");
            }
        }
        if let Err(error) = lease.release().await {
            tracing::debug!(%error, "the lease of the views ends by itself");
        }
        Ok(())
    });
    Ok(())
}

fn watched(platform: &Platform, app: &App) {
    let (app, stop) = (app.clone(), platform.stop.clone());
    platform.spawn("history", async move {
        loop {
            let goes_on = stop.run_until_cancelled(tokio::time::sleep(STORE_WATCHED)).await.is_some();
            if !goes_on {
                tokio::time::sleep(LAST_VIEWS).await;
            }
            if let Err(error) = app.store_watched().await {
                tracing::warn!(%error, "what was watched could not be stored; trying again");
            }
            if !goes_on {
                return Ok(());
            }
        }
    });
}

fn errands(platform: &Platform, app: &App) {
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
}

fn sweeps(platform: &Platform, app: &App) -> anyhow::Result<()> {
    let (app, stop, lease) = (app.clone(), platform.stop.clone(), Lease::new(platform, "sweeps")?);
    platform.spawn("sweeps", async move {
        loop {
            match stop.run_until_cancelled(app.sweep(&lease)).await {
                None => return Ok(()),
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!(%error, "a sweep could not go on; trying again"),
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = app.sweeps.woken() => tokio::time::sleep(COMMIT).await,
                () = tokio::time::sleep(SWEEP) => {}
            }
        }
    });
    Ok(())
}

/// What is forgotten after its time.
fn hourly(platform: &Platform, app: &App) {
    let (keys, views, history) = (app.clone(), app.clone(), app.clone());
    platform.every("idempotency_keys", HOURLY, move || {
        let app = keys.clone();
        async move { Ok(app.forget_old_keys().await?) }
    });
    platform.every("views.prune", HOURLY, move || {
        let app = views.clone();
        async move { Ok(app.views.prune().await?) }
    });
    platform.every("history.prune", HOURLY, move || {
        let app = history.clone();
        async move { Ok(app.forget_old_history().await?) }
    });
}
