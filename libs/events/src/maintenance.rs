//! Prunes the tables and measures them.

use std::time::Duration;

use fenz_chassis::Platform;
use sea_orm::DatabaseConnection;

use crate::{
    bus::Bus,
    store::{dead_letters, inbox, mailbox, outbox},
};

/// Longer than the stream keeps events: what is pruned is not redelivered, and what
/// consumers remember of deleted objects need not be remembered longer. Dead
/// letters are kept no longer either: they contain personal data.
pub const RETENTION: Duration = Duration::from_secs(8 * 24 * 3600);
const PRUNE: Duration = Duration::from_secs(3600);
const MEASURE: Duration = Duration::from_secs(15);

/// Measures the rows of the outbox and the age of the oldest.
pub fn of_outbox(platform: &Platform, db: DatabaseConnection) {
    let (service, clock) = (platform.service, platform.clock.clone());
    platform.every("events.outbox_gauges", MEASURE, move || {
        let (db, clock) = (db.clone(), clock.clone());
        async move {
            let rows = outbox::count(&db).await?;
            let age = match outbox::oldest(&db).await? {
                Some(oldest) => (clock.now() - oldest).to_std().unwrap_or_default(),
                None => Duration::ZERO,
            };
            metrics::gauge!("fenz_events_outbox_rows", "service" => service).set(rows as f64);
            metrics::gauge!("fenz_events_outbox_oldest_seconds", "service" => service).set(age.as_secs_f64());
            Ok(())
        }
    });
}

/// Prunes the inbox and the dead letters; counts events that wait and those
/// given up.
pub fn of_consumer(platform: &Platform, db: DatabaseConnection, bus: &Bus) {
    let (service, measured) = (platform.service, db.clone());
    // In a fleet the stream's consumer measures this.
    let is_bus = matches!(bus, Bus::Mailboxes(_));
    platform.every("events.consumer_gauges", MEASURE, move || {
        let db = measured.clone();
        async move {
            let (waiting, dead) = (mailbox::count(&db, service).await?, dead_letters::count(&db).await?);
            if is_bus {
                metrics::gauge!("fenz_events_consumer_waiting", "service" => service).set(waiting as f64);
            }
            metrics::gauge!("fenz_events_mailbox_rows", "service" => service).set(waiting as f64);
            metrics::gauge!("fenz_events_dead_letters", "service" => service).set(dead as f64);
            Ok(())
        }
    });
    let clock = platform.clock.clone();
    platform.every("events.prune", PRUNE, move || {
        let (db, clock) = (db.clone(), clock.clone());
        async move {
            inbox::prune(&db, clock.ago(RETENTION)).await?;
            Ok(dead_letters::prune(&db, clock.ago(RETENTION)).await?)
        }
    });
}
