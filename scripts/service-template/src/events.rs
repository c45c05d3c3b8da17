//! The events that the service consumes.

use fenz_chassis::Platform;
use fenz_contract::events::v1::UserDeleted;
use fenz_events::{Consumer, Database, ReceivedEvent};

use crate::{app::App, store::Migrator};

/// Starts consuming.
pub async fn consume(platform: &Platform, db: &Database<Migrator>, app: &App) -> anyhow::Result<()> {
    let app = app.clone();
    Consumer::new()
        .on(move |txn, received: ReceivedEvent<UserDeleted>| {
            let app = app.clone();
            async move { app.erasures.request_in_txn(&txn, &received.event).await }
        })
        .start(platform, db)
        .await
}
