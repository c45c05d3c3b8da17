//! Uploads, stores and plays files.
//!
//! A file is uploaded over HTTP ([`api`]), streamed to the object store in parts and
//! recorded in the database (`app/store_file`); a job finds out about a video
//! (`app/process`). Another service reserves it for an
//! object and confirms that by the object's event (`app/reserve_upload`); what nothing
//! uses is swept (`jobs`). Players use signed addresses, which are verified
//! without another service and checked against the states that content and channel
//! publish (`events`, `app/playback_access`). A deleted user's uploads are erased
//! (`app/erase`).

mod api;
mod app;
mod clients;
mod config;
mod domain;
mod events;
mod jobs;
mod probe;
mod store;

use std::{sync::Arc, time::Duration};

use fenz_chassis::{AuthKeys, Endpoints, Platform, Service, Settings, media_url::MediaUrls};
use fenz_contract::media::v1::upload_service;
use fenz_events::{Database, ErasureRunner, Outbox};
use fenz_jobs::Jobs;
use fenz_object_store::ObjectStore;
use moka::future::Cache;

use app::{Media, PlaybackStatusCache, UploadLimiter};
use clients::Owners;
pub use config::Config;
use probe::{Limits, Prober};

const UPLOAD_CACHE_CAPACITY: u64 = 10_000;
const UPLOAD_CACHE_TTL: Duration = Duration::from_secs(60);

/// The media service.
pub struct MediaService;

impl Service for MediaService {
    const NAME: &'static str = "media";
    const PORT: u16 = 8003;
    type Config = Config;
    type Requirements = (Database<store::Migrator>, ObjectStore, MediaUrls, AuthKeys);

    async fn build(
        platform: Platform,
        (db, store, media_urls, _): Self::Requirements,
        config: Config,
    ) -> anyhow::Result<Endpoints> {
        let outbox = Outbox::start(&platform, &db).await?;
        let temp_dir = config.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
        let limits = Limits { timeout: config.probe_timeout, temp_dir };
        let media = Media {
            clock: platform.clock.clone(),
            ids: platform.ids.clone(),
            db: db.connection(),
            prober: Prober::new(store.clone(), limits),
            store,
            upload_limiter: UploadLimiter::new(config.uploads_at_once, config.uploads_per_user),
            uploads: Cache::builder().max_capacity(UPLOAD_CACHE_CAPACITY).time_to_live(UPLOAD_CACHE_TTL).build(),
            playback_statuses: PlaybackStatusCache::default(),
            erasures: ErasureRunner::new(&platform, &outbox),
            outbox: outbox.clone(),
            jobs: Jobs::new(&platform, &db),
            processed: Arc::default(),
            owners: Owners::new(&platform.peers)?,
            config: Arc::new(config),
        };
        events::consume(&platform, &db, &media).await?;
        media.erasures.start(&platform, media.clone());
        jobs::start(&platform, &media);
        let raw = api::Raw { media: media.clone(), authorizer: platform.authorizer.clone(), urls: media_urls };
        Ok(Endpoints {
            rpc: vec![upload_service(api::Uploads(media), platform.authorizer.clone())],
            raw: api::routes(raw),
            ..Endpoints::default()
        })
    }

    fn check(_: &Settings, config: &Config) -> anyhow::Result<()> {
        config.check()
    }
}
