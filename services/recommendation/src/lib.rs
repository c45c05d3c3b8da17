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

use fenz_cache::Cache;
use fenz_chassis::{
    AuthKeys, Command, Endpoints, Invocation, Platform, Process, Service, Settings, media_url::MediaUrls,
};
use fenz_contract::recommendation::v1::{
    recommendation_service, search_service, tag_admin_service, tag_catalog_service, tag_service,
};
use fenz_events::{Database, ErasureRunner, Outbox};
use sea_orm::DatabaseConnection;

pub use app::DatabaseReads;
pub use config::Config;

/// The recommendation service.
pub struct Recommendations;

impl Service for Recommendations {
    const NAME: &'static str = "recommendation";
    const PORT: u16 = 8006;
    type Config = Config;
    type Requirements = (Database<store::Migrator>, MediaUrls, Cache, AuthKeys);

    async fn build(
        platform: Platform,
        (db, media_urls, Cache(redis), _): Self::Requirements,
        config: Config,
    ) -> anyhow::Result<Endpoints> {
        let outbox = Outbox::start(&platform, &db).await?;
        let app = app::App::new(&platform, db.connection(), media_urls, redis, config, outbox)?;
        app.memory_sync.init().await?;
        app.warm_up().await?;
        app.erasures.start(&platform, app::UserEraser(app.clone()));
        events::start(&platform, &db, &app).await?;
        jobs::start(&platform, &app);
        let search = app::Search::start(&platform, app.clone());
        let api = api::Api(app);
        let guard = || platform.authorizer.clone();
        Ok(Endpoints {
            rpc: vec![
                tag_service(api.clone(), guard()),
                tag_admin_service(api.clone(), guard()),
                tag_catalog_service(api.clone(), guard()),
                recommendation_service(api, guard()),
                search_service(api::SearchApi(search), guard()),
            ],
            ..Endpoints::default()
        })
    }

    fn check(_: &Settings, config: &Config) -> anyhow::Result<()> {
        config.check()
    }

    fn commands() -> Vec<Command> {
        vec![
            Command::new("rebuild", "Rebuild the projection from content and channel", rebuild),
            Command::new("rebuild-index", "Let every replica rebuild its search index", rebuild_index),
        ]
    }
}

async fn rebuild(invocation: &Invocation) -> anyhow::Result<()> {
    let process = Process::default();
    let (platform, (db, ..)) = fenz_chassis::connect::<Recommendations>(invocation.settings()?, &process).await?;
    let rebuilt = rebuild_on(&platform, &db).await?;
    process.stop.cancel();
    println!("{rebuilt}");
    Ok(())
}

async fn rebuild_index(invocation: &Invocation) -> anyhow::Result<()> {
    let settings = invocation.settings()?.section("database")?;
    let db = Database::<store::Migrator>::open(&settings, Recommendations::NAME).await?;
    rebuild_index_on(&db).await?;
    println!("every replica rebuilds its search index; searches match titles only meanwhile");
    Ok(())
}

/// Every replica starts to rebuild its search index within a second, on SQLite within
/// ten seconds.
///
/// # Errors
/// When the database is unavailable.
pub async fn rebuild_index_on(db: &DatabaseConnection) -> anyhow::Result<()> {
    Ok(app::request_index_rebuild(db).await?)
}

/// Rebuilds the projection from content and channel. The service may run
/// meanwhile. Returns a summary of the changes.
///
/// # Errors
/// When content, channel or the database is unavailable.
pub async fn rebuild_on(platform: &Platform, db: &Database<store::Migrator>) -> anyhow::Result<String> {
    let outbox = Outbox::start(platform, db).await?;
    let erasures = ErasureRunner::new(platform, &outbox);
    let rebuilt = app::Rebuild::new(platform, db.connection(), erasures)?.run().await?;
    Ok(format!("{} channels, {} videos changed, {} deleted", rebuilt.channels, rebuilt.videos, rebuilt.deleted))
}
