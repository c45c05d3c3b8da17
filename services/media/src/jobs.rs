//! Background work.

use fenz_chassis::Platform;

use crate::app::Media;

/// Starts the sweeper. It also runs at startup: a crash may have interrupted uploads.
pub fn start(platform: &Platform, media: &Media) {
    let media = media.clone();
    platform.every("media.sweep", media.config.sweep_every, move || {
        let media = media.clone();
        async move { Ok(media.sweep().await?) }
    });
}
