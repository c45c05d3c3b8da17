//! Background work.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use fenz_chassis::Platform;
use fenz_events::Lease;

use crate::app::App;

/// How often changes are looked for that another replica took in.
const LOOK: Duration = Duration::from_millis(200);
/// After Redis was away.
const PAUSE: Duration = Duration::from_millis(500);
/// How often is looked for large sets to keep.
const KEEP: Duration = Duration::from_secs(1);
const REFRESH: Duration = Duration::from_secs(60);
const PRUNE: Duration = Duration::from_secs(3600);
/// How many times longer than the reckoning the pause after it is, at least.
const PAUSE_FACTOR: u32 = 5;

pub fn start(platform: &Platform, app: &App) -> anyhow::Result<()> {
    follow(platform, app);
    clean_up(platform, app);
    write_feeds(platform, app);
    draw_ahead(platform, app);
    refresh(platform, app)?;
    reckon(platform, app)?;
    let kept = app.clone();
    platform.every("keep_sets", KEEP, move || {
        let app = kept.clone();
        async move {
            app.sets.keep_large().await;
            Ok(())
        }
    });
    let (pruned, lease) = (app.clone(), Lease::new(platform, "prune")?);
    platform.every("prune", PRUNE, move || {
        let (app, lease) = (pruned.clone(), lease.clone());
        async move {
            app.follower.tidy();
            if lease.hold().await? {
                app.prune().await?;
            }
            Ok(())
        }
    });
    Ok(())
}

fn follow(platform: &Platform, app: &App) {
    let (follower, stop) = (app.follower.clone(), platform.stop.clone());
    platform.spawn("follow", async move {
        loop {
            if let Err(error) = follower.step().await {
                tracing::warn!(%error, "changes could not be followed; trying again");
            }
            if stop.run_until_cancelled(follower.woken(LOOK)).await.is_none() {
                return Ok(());
            }
        }
    });
}

fn clean_up(platform: &Platform, app: &App) {
    let (cleanup, stop) = (app.cleanup.clone(), platform.stop.clone());
    platform.spawn("cleanup", async move {
        loop {
            let pause = match cleanup.work_off().await {
                Ok(()) => LOOK,
                Err(error) => {
                    tracing::debug!(%error, "the cache is behind; trying again");
                    PAUSE
                }
            };
            if stop.run_until_cancelled(cleanup.woken(pause)).await.is_none() {
                return Ok(());
            }
        }
    });
}

/// What was drawn, into Redis, to the end.
fn write_feeds(platform: &Platform, app: &App) {
    let (feeds, stop) = (app.feeds.clone(), platform.stop.clone());
    platform.spawn("feeds", async move {
        let mut goes_on = true;
        while goes_on {
            goes_on = stop.run_until_cancelled(feeds.come()).await.is_some();
            feeds.write().await;
        }
        Ok(())
    });
}

/// For tastes that are asked for again and again.
fn draw_ahead(platform: &Platform, app: &App) {
    let (app, stop) = (app.clone(), platform.stop.clone());
    platform.spawn("draw_ahead", async move {
        while let Some(tags) = stop.run_until_cancelled(app.ahead.wanted()).await {
            if let Err(error) = app.draw_ahead(&tags).await {
                tracing::debug!(%error, "nothing was drawn ahead");
            }
        }
        Ok(())
    });
}

/// Sets in Redis, ahead of their end.
fn refresh(platform: &Platform, app: &App) -> anyhow::Result<()> {
    let (app, lease) = (app.clone(), Lease::new(platform, "refresh")?);
    platform.every("refresh", REFRESH, move || {
        let (app, lease) = (app.clone(), lease.clone());
        async move {
            if lease.hold().await? {
                app.sets.refresh().await?;
            }
            Ok(())
        }
    });
    Ok(())
}

/// Popularity: as often as set, but not most of the time where it takes long.
fn reckon(platform: &Platform, app: &App) -> anyhow::Result<()> {
    let lease = Lease::new(platform, "popular")?;
    let not_before = Arc::new(Mutex::new(Instant::now()));
    let (app, every) = (app.clone(), app.config.popular_every);
    platform.every("popular", every, move || {
        let (app, lease, not_before) = (app.clone(), lease.clone(), not_before.clone());
        async move {
            let due = *not_before.lock().unwrap_or_else(PoisonError::into_inner);
            if Instant::now() < due || !lease.hold().await? {
                return Ok(());
            }
            let begin = Instant::now();
            app.popular.refresh().await?;
            let rest = begin.elapsed() * PAUSE_FACTOR;
            *not_before.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + rest;
            Ok(())
        }
    });
    Ok(())
}
