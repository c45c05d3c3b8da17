//! Tags, the tags that viewers chose, recommended and popular videos, and search.
//!
//! The service keeps a projection of every video (`store/videos`), updated by the
//! events of content and channel (`app/projection`) or rebuilt from both
//! (`app/rebuild`). Each change takes the next number of one order
//! (`store/sequence`), by which everything derived catches up: the caches in
//! memory of a replica (`app/memory_sync`), Redis (`app/redis_sync`) and the
//! search index (`app/search`). A feed is sampled from sets of ids
//! (`domain/sampling`, `app/sets`) and stored under a seed (`app/feed_store`); its
//! videos come from `app/summaries`. Without Redis, sets are in memory and videos
//! come from the table.

mod api;
mod app;
mod config;
mod domain;
mod events;
mod jobs;
mod store;

use std::net::SocketAddr;

use fenz_chassis::{Needs, OwnCommand, Platform, Process, Service, Settings, Surface};
use fenz_contract::recommendation::v1::{
    recommendation_service, search_service, tag_admin_service, tag_catalog_service, tag_service,
};
use fenz_events::{ErasureRunner, Outbox};

pub use app::DatabaseReads;
pub use config::Config;

/// The recommendation service.
pub struct Recommendations;

impl Service for Recommendations {
    const NAME: &'static str = "recommendation";
    const PORT: u16 = 8006;
    const NEEDS: Needs = Needs { database: true, store: false, media_urls: true, auth_keys: true };
    type Config = Config;
    type Migrator = store::Migrator;

    async fn build(platform: Platform, config: Config) -> anyhow::Result<Surface> {
        let outbox = Outbox::start(&platform).await?;
        let app = app::App::new(&platform, config, outbox)?;
        app.memory_sync.init().await?;
        app.warm_up().await?;
        app.erasures.start(&platform, app::UserEraser(app.clone()))?;
        events::start(&platform, &app).await?;
        jobs::start(&platform, &app)?;
        let search = app::Search::start(&platform, app.clone());
        let api = api::Api(app);
        let guard = || platform.gatekeeper.clone();
        Ok(Surface {
            endpoints: vec![
                tag_service(api.clone(), guard()),
                tag_admin_service(api.clone(), guard()),
                tag_catalog_service(api.clone(), guard()),
                recommendation_service(api, guard()),
                search_service(api::SearchApi(search), guard()),
            ],
            ..Surface::default()
        })
    }

    fn check(_: &Settings, config: &Config) -> anyhow::Result<()> {
        config.check()
    }

    fn listen(config: &Config) -> Option<SocketAddr> {
        config.listen
    }
}

/// `recommendation rebuild`: rebuilds the projection from content and channel. The
/// service may run meanwhile.
///
/// # Errors
/// When content, channel or the database is unavailable.
pub fn rebuild(command: OwnCommand) -> anyhow::Result<()> {
    let OwnCommand { sources, runtime, .. } = command;
    let (settings, _) = fenz_chassis::check::<Recommendations>(&sources)?;
    runtime.block_on(async {
        let process = Process::default();
        let platform = fenz_chassis::connect::<Recommendations>(settings, &process).await?;
        let rebuilt = rebuild_on(&platform).await?;
        process.stop.cancel();
        println!("{rebuilt}");
        Ok(())
    })
}

/// `recommendation rebuild-index`: every replica starts to rebuild its search
/// index within a second.
///
/// # Errors
/// When the database is unavailable.
pub fn rebuild_index(command: OwnCommand) -> anyhow::Result<()> {
    let OwnCommand { sources, runtime, .. } = command;
    let (settings, _) = fenz_chassis::check::<Recommendations>(&sources)?;
    runtime.block_on(async {
        let process = Process::default();
        let platform = fenz_chassis::connect::<Recommendations>(settings, &process).await?;
        rebuild_index_on(&platform).await?;
        process.stop.cancel();
        println!("every replica rebuilds its search index; searches match titles only meanwhile");
        Ok(())
    })
}

/// [`rebuild_index`] on a connected platform.
///
/// # Errors
/// When the database is unavailable.
pub async fn rebuild_index_on(platform: &Platform) -> anyhow::Result<()> {
    Ok(app::request_index_rebuild(&platform.db()?).await?)
}

/// [`rebuild`] on a connected platform. Returns a summary of the changes.
///
/// # Errors
/// When content, channel or the database is unavailable.
pub async fn rebuild_on(platform: &Platform) -> anyhow::Result<String> {
    let outbox = Outbox::start(platform).await?;
    let rebuilt = app::Rebuild::new(platform, ErasureRunner::new(platform, &outbox)?)?.run().await?;
    Ok(format!("{} channels, {} videos changed, {} deleted", rebuilt.channels, rebuilt.videos, rebuilt.deleted))
}
