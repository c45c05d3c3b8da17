//! Videos and categories.
//!
//! A video is made of uploads that media keeps (`app/create`), is edited,
//! published and deleted by its owner, and is watched by whom the access rule
//! (`domain/access`) lets through. Reads of a video come from memory
//! (`app/hot`), views are counted in Redis or in memory (`app/views`), and what
//! media must hear of is kept as errands until it has (`app/errands`, `jobs`).
//!
//! Who may see a video is decided by its own reasons to be hidden and by its
//! channel, which other services tell of (`events`, `store/channels`): nothing
//! is written to the videos of a channel when it is hidden. What is deleted with
//! a channel, a category or a tag is seen to by a job (`app/sweeps`), what
//! belongs to a deleted user by another (`app/erase`).

mod api;
mod app;
mod clients;
mod config;
mod domain;
mod events;
mod jobs;
mod store;

use std::net::SocketAddr;

use fenz_chassis::{Needs, Platform, Service, Settings, Surface};
use fenz_contract::content::v1::{
    category_admin_service, category_service, dashboard_service, history_service, video_admin_service,
    video_catalog_service, video_service,
};

pub use config::{CacheConfig, Config, ViewsConfig};

/// The content service.
pub struct Content;

impl Service for Content {
    const NAME: &'static str = "content";
    const PORT: u16 = 8002;
    const NEEDS: Needs = Needs { database: true, store: false, media_urls: true, auth_keys: true };
    type Config = Config;
    type Migrator = store::Migrator;

    async fn build(platform: Platform, config: Config) -> anyhow::Result<Surface> {
        let app = app::App::new(&platform, config).await?;
        jobs::start(&platform, &app)?;
        events::start(&platform, &app).await?;
        let api = api::Api(app);
        let guard = || platform.gatekeeper.clone();
        Ok(Surface {
            endpoints: vec![
                video_service(api.clone(), guard()),
                category_service(api.clone(), guard()),
                dashboard_service(api.clone(), guard()),
                history_service(api.clone(), guard()),
                video_admin_service(api.clone(), guard()),
                category_admin_service(api.clone(), guard()),
                video_catalog_service(api, guard()),
            ],
            ..Surface::default()
        })
    }

    fn check(settings: &Settings, config: &Config) -> anyhow::Result<()> {
        config.check(settings.server.request_timeout)
    }

    fn listen(config: &Config) -> Option<SocketAddr> {
        config.listen
    }
}
