//! Background tasks.

use std::time::Duration;

use fenz_chassis::Platform;
use fenz_events::Lease;
use tokio::time::Instant;

use crate::app::App;

/// The longest time between two renewals of a lease.
const LEASE_RENEWAL: Duration = Duration::from_secs(5);
/// Finds work that other replicas scheduled, and retries.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// Cascades are scheduled in a transaction that commits after the notification.
const COMMIT_DELAY: Duration = Duration::from_millis(50);
const HISTORY_FLUSH_INTERVAL: Duration = Duration::from_millis(500);
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);

pub fn start(platform: &Platform, app: &App) {
    flush_views(platform, app);
    if app.views.uses_redis() {
        flush_redis_views(platform, app);
    }
    flush_history(platform, app);
    run_cascades(platform, app);
    app.erasures.start(platform, app.clone());
    prune(platform, app);
}

fn flush_views(platform: &Platform, app: &App) {
    let (app, stop) = (app.clone(), platform.stop.clone());
    platform.spawn("views", async move {
        let interval = app.config.views.flush_every;
        while stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
            flush_memory(&app).await;
        }
        // No request is open any more.
        flush_memory(&app).await;
        Ok(())
    });
}

async fn flush_memory(app: &App) {
    if let Err(error) = app.views.flush_memory().await {
        tracing::warn!(%error, "views in memory not flushed; retrying");
    }
}

/// Redis is shared, so one replica flushes it for all.
fn flush_redis_views(platform: &Platform, app: &App) {
    let (app, stop, lease) = (app.clone(), platform.stop.clone(), Lease::new(platform, app.db.clone(), "views"));
    platform.spawn("views.redis", async move {
        let interval = app.config.views.flush_every;
        let mut last = Instant::now();
        while stop.run_until_cancelled(tokio::time::sleep(interval.min(LEASE_RENEWAL))).await.is_some() {
            let flushed = async {
                if lease.hold().await? && last.elapsed() >= interval {
                    app.views.flush_redis().await?;
                    last = Instant::now();
                }
                anyhow::Ok(())
            };
            if let Err(error) = flushed.await {
                tracing::warn!(error = format!("{error:#}"), "views in redis not flushed; retrying");
            }
        }
        if let Err(error) = lease.release().await {
            tracing::debug!(%error, "lease of views not released; it expires");
        }
        Ok(())
    });
}

fn flush_history(platform: &Platform, app: &App) {
    let (app, stop) = (app.clone(), platform.stop.clone());
    platform.spawn("history", async move {
        loop {
            let stopping = stop.run_until_cancelled(tokio::time::sleep(HISTORY_FLUSH_INTERVAL)).await.is_none();
            if let Err(error) = app.flush_history().await {
                tracing::warn!(%error, "watch history not flushed; retrying");
            }
            if stopping {
                return Ok(());
            }
        }
    });
}

fn run_cascades(platform: &Platform, app: &App) {
    let (app, stop, lease) = (app.clone(), platform.stop.clone(), Lease::new(platform, app.db.clone(), "cascades"));
    platform.spawn("cascades", async move {
        loop {
            match stop.run_until_cancelled(app.run_cascades(&lease)).await {
                None => return Ok(()),
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!(%error, "cascade interrupted; retrying"),
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = app.cascade_scheduled.notified() => tokio::time::sleep(COMMIT_DELAY).await,
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    });
}

/// Deletes rows past their retention.
fn prune(platform: &Platform, app: &App) {
    let (keys, views, history) = (app.clone(), app.clone(), app.clone());
    platform.every("idempotency_keys.prune", PRUNE_INTERVAL, move || {
        let app = keys.clone();
        async move { Ok(app.prune_idempotency_keys().await?) }
    });
    platform.every("views.prune", PRUNE_INTERVAL, move || {
        let app = views.clone();
        async move { Ok(app.views.prune().await?) }
    });
    platform.every("history.prune", PRUNE_INTERVAL, move || {
        let app = history.clone();
        async move { Ok(app.prune_history().await?) }
    });
}
