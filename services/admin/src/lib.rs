//! The audit log, what users report, and how far the fleet is with forgetting
//! users.
//!
//! Who did what comes as events from the services that did it and is only ever
//! added (`app/audit`). Reports are taken in from users and worked on by
//! moderators, on whose behalf the services that own the reported things carry
//! out what was decided (`app/create_report`, `app/update_report`, `clients`).
//! Erasures are followed until every service has reported, and told again until
//! then (`app/erasures`); the service forgets its own part too (`app/eraser`).

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
use fenz_contract::admin::v1::{audit_service, erasure_service, report_service};
use fenz_events::{Erasures, Outbox};

pub use config::Config;

/// The admin service.
pub struct Admin;

impl Service for Admin {
    const NAME: &'static str = "admin";
    const PORT: u16 = 8008;
    const NEEDS: Needs = Needs { database: true, store: false, media_urls: false, auth_keys: true };
    type Config = Config;
    type Migrator = store::Migrator;

    async fn build(platform: Platform, config: Config) -> anyhow::Result<Surface> {
        let outbox = Outbox::start(&platform).await?;
        let orders = Erasures::new(&platform, &outbox)?;
        let app = app::App::new(&platform, config, outbox, orders.clone())?;
        events::hear(&platform, &app).await?;
        orders.start(&platform, app.eraser())?;
        jobs::start(&platform, &app)?;
        let guard = || platform.gatekeeper.clone();
        let raw = api::routes(app.clone(), guard());
        let api = api::Api(app);
        Ok(Surface {
            endpoints: vec![
                audit_service(api.clone(), guard()),
                erasure_service(api.clone(), guard()),
                report_service(api, guard()),
            ],
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
