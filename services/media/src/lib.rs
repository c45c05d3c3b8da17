//! Files: taken in, checked, kept, played.
//!
//! An upload comes in over a plain route ([`api`]), streams into the object store
//! in parts and becomes a row (`store/`). Another service takes it into use with a
//! claim; what nobody claims is swept (`jobs`). Players read with signed addresses,
//! which are checked without asking anybody, and held against what content and
//! channel have told of videos and channels (`events`, `app/sight`). A deleted
//! user's uploads are removed with all that is known of them (`app/erase`).

mod api;
mod app;
mod config;
mod domain;
mod events;
mod jobs;
mod probe;
mod store;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use fenz_chassis::{Needs, Platform, Service, Settings, Surface};
use fenz_contract::media::v1::upload_service;
use fenz_events::{Erasures, Outbox};
use moka::future::Cache;

use app::{Media, Standings, Turns};
pub use config::Config;
use probe::Prober;

/// How many files are kept in mind for players, and for how long.
const PLAYING: u64 = 10_000;
const PLAYING_FOR: Duration = Duration::from_secs(60);

/// The media service.
pub struct MediaService;

impl Service for MediaService {
    const NAME: &'static str = "media";
    const PORT: u16 = 8003;
    const NEEDS: Needs = Needs { database: true, store: true, media_urls: true, auth_keys: true };
    type Config = Config;
    type Migrator = store::Migrator;

    async fn build(platform: Platform, config: Config) -> anyhow::Result<Surface> {
        let outbox = Outbox::start(&platform).await?;
        let temp = config.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
        let media = Media {
            clock: platform.clock.clone(),
            ids: platform.ids.clone(),
            db: platform.db()?,
            store: platform.store()?,
            prober: Prober::find(config.probe_timeout / 2, temp),
            turns: Turns::new(config.uploads_at_once, config.uploads_per_user),
            playing: Cache::builder().max_capacity(PLAYING).time_to_live(PLAYING_FOR).build(),
            standings: Standings::default(),
            erasures: Erasures::new(&platform, &outbox)?,
            config: Arc::new(config),
        };
        events::hear(&platform, &media).await?;
        media.erasures.start(&platform, media.clone())?;
        jobs::start(&platform, &media);
        let urls = platform.media_urls()?;
        let raw = api::Raw { media: media.clone(), gatekeeper: platform.gatekeeper.clone(), urls };
        Ok(Surface {
            endpoints: vec![upload_service(api::Uploads(media), platform.gatekeeper.clone())],
            raw: api::routes(raw),
            fallback: None,
        })
    }

    fn check(_: &Settings, config: &Config) -> anyhow::Result<()> {
        config.check()
    }

    fn listen(config: &Config) -> Option<SocketAddr> {
        config.listen
    }
}
