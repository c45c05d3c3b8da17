//! Background work.

use std::time::Duration;

use fenz_chassis::Platform;
use fenz_jobs::Worker;

use crate::app::{App, CleanUpChannel};

const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);

pub fn start(platform: &Platform, app: &App) {
    let (cleanup, sweep) = (app.clone(), app.clone());
    Worker::new(&app.jobs)
        .on(move |job: CleanUpChannel, _| {
            let app = cleanup.clone();
            async move { app.clean_up(job).await }
        })
        .every("channel.cleanup_sweep", SWEEP_INTERVAL, move || {
            let app = sweep.clone();
            async move { app.sweep_cleanups().await }
        })
        .start(platform);
}
