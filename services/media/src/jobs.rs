//! Background work: the sweeper.

use fenz_chassis::Platform;

use crate::app::Media;

/// Runs at the start, when a crash's leftovers may be there, and then again and again.
pub fn start(platform: &Platform, media: &Media) {
    let media = media.clone();
    platform.every("media.sweep", media.config.sweep_every, move || {
        let media = media.clone();
        async move { Ok(media.sweep().await?) }
    });
}
