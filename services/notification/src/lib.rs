//! Notifications: the events of the channels a user is a member of, and direct
//! notifications to one user, in lists and as server-sent events.
//!
//! A channel's event is one row, however many members the channel has
//! (`store/notifications`). A user's list is merged on read: the events of their
//! memberships since they joined, without muted channels and disabled types, and
//! their direct notifications (`store/latest_events`, `app/inbox`). Other services'
//! events are projected by `app/projection`, and each row gets its position in a
//! total order in commit order (`store/sequence`): read state, resumed streams and
//! cached counts are compared by position. Deleted channels and users disappear from
//! lists at once; their rows are removed in batches (`app/deletion`). One task per
//! process follows the sequence and feeds all open streams (`app/streams`).

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
use fenz_events::{ErasureRunner, Outbox};

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
        let erasures = ErasureRunner::new(&platform, &outbox)?;
        let app = app::App::new(&platform, config, erasures.clone(), api::encode::event_frame)?;
        jobs::start(&platform, &app)?;
        events::start(&platform, &app).await?;
        erasures.start(&platform, app::UserErasure(app.clone()))?;
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
