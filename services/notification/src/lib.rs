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

use fenz_chassis::{AuthKeys, Endpoints, Platform, Service, Settings};
use fenz_contract::notification::v1::notification_service;
use fenz_events::{Database, ErasureRunner, Outbox};

pub use config::Config;

/// The notification service.
pub struct Notifications;

impl Service for Notifications {
    const NAME: &'static str = "notification";
    const PORT: u16 = 8005;
    type Config = Config;
    type Requirements = (Database<store::Migrator>, AuthKeys);

    async fn build(platform: Platform, (db, _): Self::Requirements, config: Config) -> anyhow::Result<Endpoints> {
        let outbox = Outbox::start(&platform, &db).await?;
        let erasures = ErasureRunner::new(&platform, &outbox);
        let app = app::App::new(&platform, db.connection(), config, erasures.clone(), api::encode::event_frame);
        jobs::start(&platform, &app);
        events::start(&platform, &db, &app).await?;
        erasures.start(&platform, app::UserErasure(app.clone()));
        let raw = api::routes(app.clone(), platform.authorizer.clone());
        Ok(Endpoints {
            rpc: vec![notification_service(api::Api(app), platform.authorizer.clone())],
            raw,
            ..Endpoints::default()
        })
    }

    fn check(_: &Settings, config: &Config) -> anyhow::Result<()> {
        config.check()
    }
}
