//! What to watch: tags, what viewers picked of them, what is recommended and
//! what is popular.
//!
//! The service keeps a projection of every video (`store/videos`), fed by the
//! events of content and channel (`app/take_in`) or anew from both
//! (`app/rebuild`). Each change gets its place in one order (`store/sequence`),
//! which everything that is derived follows: what a replica has in memory
//! (`app/follow`), Redis (`app/cleanup`) and the index of words. A feed is drawn
//! from sets of ids (`domain/draw`, `app/sets`) and kept under a seed
//! (`app/feeds`); the videos in it come from `app/shelf`. Redis may be away at
//! any time: then sets are in memory and videos come from the table.

mod api;
mod app;
mod config;
mod domain;
mod events;
mod jobs;
mod search;
mod store;

use std::net::SocketAddr;

use fenz_chassis::{Needs, OwnCommand, Platform, Process, Service, Settings, Surface};
use fenz_contract::recommendation::v1::{
    recommendation_service, search_service, tag_admin_service, tag_catalog_service, tag_service,
};
use fenz_events::{Erasures, Outbox};

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
        app.follower.begin().await?;
        app.warm_up().await?;
        app.erasures.start(&platform, app::Forget(app.clone()))?;
        events::start(&platform, &app).await?;
        jobs::start(&platform, &app)?;
        let search = search::Search::start(&platform, app.clone())?;
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

/// `recommendation rebuild`: the projection anew from content and channel. The
/// service may run meanwhile.
///
/// # Errors
/// When content, channel or the database does not answer.
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

/// `recommendation rebuild-index`: every replica builds its index of words anew
/// from the table, within a second of this.
///
/// # Errors
/// When the database does not answer.
pub fn rebuild_index(command: OwnCommand) -> anyhow::Result<()> {
    let OwnCommand { sources, runtime, .. } = command;
    let (settings, _) = fenz_chassis::check::<Recommendations>(&sources)?;
    runtime.block_on(async {
        let process = Process::default();
        let platform = fenz_chassis::connect::<Recommendations>(settings, &process).await?;
        rebuild_index_on(&platform).await?;
        process.stop.cancel();
        println!("every replica builds its index anew; searches go by titles alone meanwhile");
        Ok(())
    })
}

/// The same on a platform that is connected.
///
/// # Errors
/// When the database does not answer.
pub async fn rebuild_index_on(platform: &Platform) -> anyhow::Result<()> {
    let db = platform.db()?;
    let ordered =
        fenz_chassis::database::transact(
            &db,
            |txn| async move { Ok(store::sequence::next_index_in_txn(&*txn).await?) },
        );
    ordered.await?;
    Ok(())
}

/// The same on a platform that is connected. What has changed, in words.
///
/// # Errors
/// When content, channel or the database does not answer.
pub async fn rebuild_on(platform: &Platform) -> anyhow::Result<String> {
    let outbox = Outbox::start(platform).await?;
    let catalogues = app::Rebuild::new(platform, Erasures::new(platform, &outbox)?)?;
    let rebuilt = catalogues.run().await?;
    Ok(format!("{} channels, {} videos changed, {} gone", rebuilt.channels, rebuilt.videos, rebuilt.gone))
}
