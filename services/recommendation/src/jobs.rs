//! Background work.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use fenz_chassis::Platform;
use fenz_database::poll_interval;
use fenz_events::Lease;

use crate::app::App;

/// How often changes by other replicas are polled.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// After a failure.
const RETRY_DELAY: Duration = Duration::from_millis(500);
const LARGE_SETS_INTERVAL: Duration = Duration::from_secs(1);
const REFRESH_INTERVAL: Duration = Duration::from_secs(60);
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);
/// The minimum pause after computing popularity, as a multiple of its duration.
const PAUSE_FACTOR: u32 = 5;

pub fn start(platform: &Platform, app: &App) {
    sync_memory(platform, app);
    sync_redis(platform, app);
    flush_feeds(platform, app);
    prefetch_feeds(platform, app);
    refresh_large_sets(platform, app);
    refresh_sets(platform, app);
    refresh_popular(platform, app);
    prune(platform, app);
}

fn sync_memory(platform: &Platform, app: &App) {
    let (sync, stop) = (app.memory_sync.clone(), platform.stop.clone());
    let poll = poll_interval(&app.db, POLL_INTERVAL);
    platform.spawn("memory_sync", async move {
        loop {
            let delay = match sync.catch_up().await {
                Ok(()) => poll,
                Err(error) => {
                    tracing::warn!(%error, "changes not applied to memory; retrying");
                    RETRY_DELAY
                }
            };
            if stop.run_until_cancelled(sync.wakeup.wait(delay)).await.is_none() {
                return Ok(());
            }
        }
    });
}

fn sync_redis(platform: &Platform, app: &App) {
    let (sync, stop) = (app.redis_sync.clone(), platform.stop.clone());
    let poll = poll_interval(&app.db, POLL_INTERVAL);
    platform.spawn("redis_sync", async move {
        loop {
            let delay = match sync.drain().await {
                Ok(()) => poll,
                Err(error) => {
                    tracing::debug!(%error, "changes not applied to redis; retrying");
                    RETRY_DELAY
                }
            };
            if stop.run_until_cancelled(sync.wakeup.wait(delay)).await.is_none() {
                return Ok(());
            }
        }
    });
}

/// Writes new feeds to Redis, the last ones at shutdown.
fn flush_feeds(platform: &Platform, app: &App) {
    let (feeds, stop) = (app.feeds.clone(), platform.stop.clone());
    platform.spawn("feeds", async move {
        let mut is_running = true;
        while is_running {
            is_running = stop.run_until_cancelled(feeds.wait_pending()).await.is_some();
            feeds.flush().await;
        }
        Ok(())
    });
}

fn prefetch_feeds(platform: &Platform, app: &App) {
    let (app, stop) = (app.clone(), platform.stop.clone());
    platform.spawn("prefetch", async move {
        while let Some(tags) = stop.run_until_cancelled(app.prefetcher.next()).await {
            if let Err(error) = app.prefetch(&tags).await {
                tracing::debug!(%error, "feed not prefetched");
            }
        }
        Ok(())
    });
}

fn refresh_large_sets(platform: &Platform, app: &App) {
    let app = app.clone();
    platform.every("large_sets", LARGE_SETS_INTERVAL, move || {
        let app = app.clone();
        async move {
            app.sets.refresh_large().await;
            Ok(())
        }
    });
}

/// Refreshes sets in Redis before they expire.
fn refresh_sets(platform: &Platform, app: &App) {
    let (app, lease) = (app.clone(), Lease::new(platform, app.db.clone(), "refresh"));
    platform.every("refresh", REFRESH_INTERVAL, move || {
        let (app, lease) = (app.clone(), lease.clone());
        async move {
            if lease.hold().await? {
                app.sets.refresh().await?;
            }
            Ok(())
        }
    });
}

/// Recomputes popularity at its interval, less often where that takes long.
fn refresh_popular(platform: &Platform, app: &App) {
    let lease = Lease::new(platform, app.db.clone(), "popular");
    let not_before = Arc::new(Mutex::new(Instant::now()));
    let (app, interval) = (app.clone(), app.config.popular_every);
    platform.every("popular", interval, move || {
        let (app, lease, not_before) = (app.clone(), lease.clone(), not_before.clone());
        async move {
            let due = *not_before.lock().unwrap_or_else(PoisonError::into_inner);
            if Instant::now() < due || !lease.hold().await? {
                return Ok(());
            }
            let start = Instant::now();
            app.popular.refresh().await?;
            let pause = start.elapsed() * PAUSE_FACTOR;
            *not_before.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + pause;
            Ok(())
        }
    });
}

fn prune(platform: &Platform, app: &App) {
    let (app, lease) = (app.clone(), Lease::new(platform, app.db.clone(), "prune"));
    platform.every("prune", PRUNE_INTERVAL, move || {
        let (app, lease) = (app.clone(), lease.clone());
        async move {
            app.sets.evict_idle();
            if lease.hold().await? {
                app.prune().await?;
            }
            Ok(())
        }
    });
}
