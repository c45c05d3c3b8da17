//! Signed URL paths of a video's playback and thumbnail.

use std::time::Duration;

use fenz_chassis::media_url::{Audience, MediaUrls};
use fenz_core::Clock;

use crate::{Config, domain::Video};

const DAY: i64 = 24 * 3600;
/// Minimum validity of a public thumbnail's path.
const THUMBNAIL_TTL: i64 = 7 * DAY;

#[derive(Clone)]
pub struct VideoUrls {
    urls: MediaUrls,
    clock: Clock,
    playback_ttl: i64,
    insider_ttl: i64,
}

/// Whoever sees a video that is not public is its owner or a moderator.
pub fn audience(is_public: bool) -> Audience {
    if is_public { Audience::Everyone } else { Audience::Insider }
}

impl VideoUrls {
    pub fn new(urls: MediaUrls, clock: Clock, config: &Config) -> Self {
        let seconds = |span: Duration| span.as_secs() as i64;
        Self { urls, clock, playback_ttl: seconds(config.playback_ttl), insider_ttl: seconds(config.insider_ttl) }
    }

    /// None for a video without media.
    pub fn playback(&self, video: &Video, audience: Audience) -> Option<String> {
        let ttl = if audience == Audience::Insider { self.insider_ttl } else { self.playback_ttl };
        Some(self.urls.sign_for(audience, video.upload?, self.clock.unix() + ttl))
    }

    /// Empty without a thumbnail. A public path is the same for a whole day, so that
    /// browsers can cache the image.
    pub fn thumbnail(&self, video: &Video, audience: Audience) -> String {
        let Some(thumbnail) = video.thumbnail else { return String::new() };
        let expires = match audience {
            Audience::Everyone => (self.clock.unix() + THUMBNAIL_TTL + DAY - 1) / DAY * DAY,
            Audience::Insider => self.clock.unix() + self.insider_ttl,
        };
        self.urls.sign_for(audience, thumbnail, expires)
    }
}
