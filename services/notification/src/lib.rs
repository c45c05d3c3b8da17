//! What users are told: the events of the channels they belong to, and notices
//! that are theirs alone.
//!
//! A channel's event is one row, whatever the audience (`store/notices`). A
//! user's list is put together when it is read: the events of their memberships
//! since they joined, without muted channels and unwanted types, and their own
//! notices (`store/heads`, `app/inbox`). What happens elsewhere comes in through
//! `app/take_in`, and every row gets its place in one order that grows with each
//! commit (`store/sequence`): read state, resumed streams and caches go by it.
//! What is deleted goes at once where it can be seen, and the rest of it some at
//! a time (`app/forget`). Open streams are fed by one task that follows that order (`app/hub`).

mod api;
mod app;
mod config;
mod domain;
mod events;
mod jobs;
mod store;

use std::net::SocketAddr;

use fenz_chassis::{Needs, Platform, Service, Settings, Surface};
use fenz_contract::notification::v1::notification_service;
use fenz_events::{Erasures, Outbox};

pub use config::Config;

/// The notification service.
pub struct Notifications;

impl Service for Notifications {
    const NAME: &'static str = "notification";
    const PORT: u16 = 8005;
    const NEEDS: Needs = Needs { database: true, store: false, media_urls: false, auth_keys: true };
    type Config = Config;
    type Migrator = store::Migrator;

    async fn build(platform: Platform, config: Config) -> anyhow::Result<Surface> {
        let outbox = Outbox::start(&platform).await?;
        let erasures = Erasures::new(&platform, &outbox)?;
        let app = app::App::new(&platform, config, erasures.clone())?;
        jobs::start(&platform, &app)?;
        events::start(&platform, &app).await?;
        erasures.start(&platform, app::Forgetting(app.clone()))?;
        let raw = api::routes(app.clone(), platform.gatekeeper.clone());
        Ok(Surface {
            endpoints: vec![notification_service(api::Api(app), platform.gatekeeper.clone())],
            raw,
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
