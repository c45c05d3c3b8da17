//! The paths that play and show a video.

use std::time::Duration;

use fenz_chassis::{
    Clock,
    media_url::{Audience, MediaUrls},
};

use crate::{Config, domain::Video};

const DAY: i64 = 24 * 3600;
/// How long a picture's path is good, at least.
const PICTURE_TTL: i64 = 7 * DAY;

/// Makes them.
#[derive(Clone)]
pub struct Links {
    urls: MediaUrls,
    clock: Clock,
    playback_ttl: i64,
    insider_ttl: i64,
}

impl Links {
    pub fn new(urls: MediaUrls, clock: Clock, config: &Config) -> Self {
        let seconds = |span: Duration| span.as_secs() as i64;
        Self { urls, clock, playback_ttl: seconds(config.playback_ttl), insider_ttl: seconds(config.insider_ttl) }
    }

    /// Whom paths are made for: who sees what is not public is its owner or a
    /// moderator.
    #[expect(clippy::unused_self, reason = "reads as what it is about")]
    pub fn audience(&self, is_public: bool) -> Audience {
        if is_public { Audience::Everyone } else { Audience::Insider }
    }

    /// None where there is nothing to play.
    pub fn playback(&self, video: &Video, audience: Audience) -> Option<String> {
        let ttl = if audience == Audience::Insider { self.insider_ttl } else { self.playback_ttl };
        Some(self.urls.sign_for(audience, video.upload?.0, self.clock.unix() + ttl))
    }

    /// The same text for a whole day where everybody may see it, so that
    /// browsers can keep the picture.
    pub fn thumbnail(&self, video: &Video, audience: Audience) -> String {
        let Some(thumbnail) = video.thumbnail else { return String::new() };
        let expires = match audience {
            Audience::Everyone => (self.clock.unix() + PICTURE_TTL + DAY - 1) / DAY * DAY,
            Audience::Insider => self.clock.unix() + self.insider_ttl,
        };
        self.urls.sign_for(audience, thumbnail.0, expires)
    }
}
