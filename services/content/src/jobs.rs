//! Background tasks.

use std::time::Duration;

use fenz_chassis::Platform;
use fenz_events::Lease;
use fenz_jobs::Worker;
use tokio::time::Instant;

use crate::app::{App, PublishVideo, RunCascades};

/// The longest time between two renewals of a lease.
const LEASE_RENEWAL: Duration = Duration::from_secs(5);
const HISTORY_FLUSH_INTERVAL: Duration = Duration::from_millis(500);
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);

pub fn start(platform: &Platform, app: &App) {
    flush_views(platform, app);
    if app.views.uses_redis() {
        flush_redis_views(platform, app);
    }
    flush_history(platform, app);
    app.erasures.start(platform, app.clone());
    run_jobs(platform, app);
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

/// Runs the durable jobs, and deletes rows past their retention.
fn run_jobs(platform: &Platform, app: &App) {
    let (publish, cascades, swept, keys, views, history) =
        (app.clone(), app.clone(), app.clone(), app.clone(), app.clone(), app.clone());
    Worker::new(&app.jobs)
        .on(move |job: PublishVideo, running| {
            let app = publish.clone();
            async move { app.publish_scheduled(job, &running).await }
        })
        .on(move |_: RunCascades, _| {
            let app = cascades.clone();
            async move { app.run_cascades().await }
        })
        // Also what a version before jobs has left.
        .every("video.cascade_sweep", PRUNE_INTERVAL, move || {
            let app = swept.clone();
            async move { app.run_cascades().await }
        })
        .every("idempotency_keys.prune", PRUNE_INTERVAL, move || {
            let app = keys.clone();
            async move { app.prune_idempotency_keys().await }
        })
        .every("views.prune", PRUNE_INTERVAL, move || {
            let app = views.clone();
            async move { app.views.prune().await }
        })
        .every("history.prune", PRUNE_INTERVAL, move || {
            let app = history.clone();
            async move { app.prune_history().await }
        })
        .start(platform);
}
