//! Videos and categories.
//!
//! A video is created from uploads that the media service stores (`app/create`).
//! Its owner edits, publishes and deletes it; `domain/access` decides who may watch
//! it. Single videos are read through a cache (`app/video_cache`), views are counted
//! in Redis or in memory (`app/views`).
//!
//! A video is visible unless it or its channel is hidden. The channel's state comes
//! from events (`events`, `store/channels`), so hiding a channel writes nothing to its
//! videos. Deleting a channel, a category or a tag cascades to its videos in a
//! background job (`app/cascades`), deleting a user in another (`app/erase`).

mod api;
mod app;
mod clients;
mod config;
mod domain;
mod events;
mod jobs;
mod store;

use fenz_cache::Cache;
use fenz_chassis::{AuthKeys, Endpoints, Platform, Service, Settings, media_url::MediaUrls};
use fenz_contract::content::v1::{
    category_admin_service, category_service, dashboard_service, history_service, video_admin_service,
    video_catalog_service, video_service,
};
use fenz_events::{Database, Outbox};

pub use config::{CacheConfig, Config, ViewsConfig};

/// The content service.
pub struct Content;

impl Service for Content {
    const NAME: &'static str = "content";
    const PORT: u16 = 8002;
    type Config = Config;
    type Requirements = (Database<store::Migrator>, MediaUrls, Cache, AuthKeys);

    async fn build(
        platform: Platform,
        (db, media_urls, Cache(redis), _): Self::Requirements,
        config: Config,
    ) -> anyhow::Result<Endpoints> {
        let outbox = Outbox::start(&platform, &db).await?;
        let app = app::App::new(&platform, db.connection(), media_urls, redis, config, outbox)?;
        jobs::start(&platform, &app);
        events::start(&platform, &db, &app).await?;
        let api = api::Api(app);
        let guard = || platform.authorizer.clone();
        Ok(Endpoints {
            rpc: vec![
                video_service(api.clone(), guard()),
                category_service(api.clone(), guard()),
                dashboard_service(api.clone(), guard()),
                history_service(api.clone(), guard()),
                video_admin_service(api.clone(), guard()),
                category_admin_service(api.clone(), guard()),
                video_catalog_service(api, guard()),
            ],
            ..Endpoints::default()
        })
    }

    fn check(_: &Settings, config: &Config) -> anyhow::Result<()> {
        config.check()
    }
}
