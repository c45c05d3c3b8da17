//! Playlists of users, with their names: an example to build the service from.

mod api;
mod app;
mod config;
mod domain;
mod events;
mod store;

use fenz_chassis::{AuthKeys, Endpoints, Platform, Service};
use fenz_contract::playlist::v1::playlist_service;
use fenz_events::{Database, ErasureRunner, Outbox};

pub use config::Config;

/// The playlist service.
pub struct Playlists;

impl Service for Playlists {
    const NAME: &'static str = "playlist";
    const PORT: u16 = 8009;
    type Config = Config;
    type Requirements = (Database<store::Migrator>, AuthKeys);

    async fn build(platform: Platform, (db, _): Self::Requirements, config: Config) -> anyhow::Result<Endpoints> {
        let outbox = Outbox::start(&platform, &db).await?;
        let erasures = ErasureRunner::new(&platform, &outbox);
        let app = app::App { db: db.connection(), ids: platform.ids.clone(), config, erasures };
        app.erasures.start(&platform, app.clone());
        events::consume(&platform, &db, &app).await?;
        let api = api::Api(app);
        Ok(Endpoints { rpc: vec![playlist_service(api, platform.authorizer.clone())], ..Endpoints::default() })
    }
}
