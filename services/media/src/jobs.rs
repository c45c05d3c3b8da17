//! Background work.

use fenz_chassis::Platform;
use fenz_jobs::Worker;

use crate::app::{DeleteFiles, Media, ProcessVideo, SettleReservation};

/// Starts the worker. The sweep also runs at startup: a crash may have interrupted uploads.
pub fn start(platform: &Platform, media: &Media) {
    let (process, settle, delete, sweep) = (media.clone(), media.clone(), media.clone(), media.clone());
    Worker::new(&media.jobs)
        .on(move |job: ProcessVideo, running| {
            let media = process.clone();
            async move { media.process(job, &running).await }
        })
        .on(move |job: SettleReservation, _| {
            let media = settle.clone();
            async move { media.settle(job).await }
        })
        .on(move |_: DeleteFiles, _| {
            let media = delete.clone();
            async move { media.delete_removed().await }
        })
        .every("upload.sweep", media.config.sweep_every, move || {
            let media = sweep.clone();
            async move { media.sweep().await }
        })
        .start(platform);
}
