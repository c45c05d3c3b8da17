//! Channels and memberships.
//!
//! A channel is created when auth publishes its owner's registration (`events`).
//! Its owner edits it (`app/update`), sets the fee of tier 2 (`app/fee`) and lists
//! its members (`app/list`); others subscribe (`app/subscribe`). The transaction
//! that changes a membership updates the counts. Media stores the pictures, which an
//! edit reserves there before it is stored. An owner may delete the channel and
//! create a new one with the same id (`app/own_channel`): the row of a deleted channel
//! stays, so that versions keep growing. Its memberships are deleted in the background
//! (`app/cleanup`), the row with the owner's account (`app/erase`).

mod api;
mod app;
mod config;
mod domain;
mod events;
mod jobs;
mod store;

use fenz_chassis::{AuthKeys, Endpoints, Platform, Service, media_url::MediaUrls};
use fenz_contract::channel::v1::{channel_catalog_service, channel_service, membership_service, own_channel_service};
use fenz_events::{Database, Outbox};

pub use config::Config;

/// The channel service.
pub struct Channels;

impl Service for Channels {
    const NAME: &'static str = "channel";
    const PORT: u16 = 8004;
    type Config = Config;
    type Requirements = (Database<store::Migrator>, MediaUrls, AuthKeys);

    async fn build(
        platform: Platform,
        (db, media_urls, _): Self::Requirements,
        config: Config,
    ) -> anyhow::Result<Endpoints> {
        let outbox = Outbox::start(&platform, &db).await?;
        let app = app::App::new(&platform, db.connection(), media_urls, config, outbox)?;
        events::consume(&platform, &db, &app).await?;
        app.erasures.start(&platform, app.clone());
        jobs::start(&platform, &app);
        let api = api::Api(app);
        let guard = || platform.authorizer.clone();
        Ok(Endpoints {
            rpc: vec![
                channel_service(api.clone(), guard()),
                own_channel_service(api.clone(), guard()),
                membership_service(api.clone(), guard()),
                channel_catalog_service(api, guard()),
            ],
            ..Endpoints::default()
        })
    }
}
