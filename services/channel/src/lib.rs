//! Channels and who belongs to them.
//!
//! A channel comes into being with its owner's account: auth's event makes it
//! (`events`). Its owner edits it (`app/update`), sets what tier 2 costs
//! (`app/fee`) and sees who belongs to it (`app/list`); others subscribe
//! (`app/subscribe`). Counts are kept in the transaction that changes a
//! membership. Pictures are media's; what media must hear of is kept as errands
//! until it has (`app/errands`, `jobs`). An owner may delete the channel and have
//! a new one of the same id (`app/own_channel`): what is left of the old one is
//! its row, from which versions go on, until its memberships are removed
//! (`app/clearing`) and, with the owner's account, that too (`app/erase`).

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
use fenz_contract::channel::v1::{channel_catalog_service, channel_service, membership_service, own_channel_service};
use fenz_events::Outbox;

pub use config::Config;

/// The channel service.
pub struct Channels;

impl Service for Channels {
    const NAME: &'static str = "channel";
    const PORT: u16 = 8004;
    const NEEDS: Needs = Needs { database: true, store: false, media_urls: true, auth_keys: true };
    type Config = Config;
    type Migrator = store::Migrator;

    async fn build(platform: Platform, config: Config) -> anyhow::Result<Surface> {
        let outbox = Outbox::start(&platform).await?;
        let app = app::App::new(&platform, config, outbox)?;
        events::hear(&platform, &app).await?;
        app.erasures.start(&platform, app.clone())?;
        jobs::start(&platform, &app);
        let api = api::Api(app);
        let guard = || platform.gatekeeper.clone();
        Ok(Surface {
            endpoints: vec![
                channel_service(api.clone(), guard()),
                own_channel_service(api.clone(), guard()),
                membership_service(api.clone(), guard()),
                channel_catalog_service(api, guard()),
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
