//! What keeps the tables small and their state in sight.

use std::time::Duration;

use fenz_chassis::Platform;

use crate::store::{dead_letters, inbox, mailbox, outbox};

/// Longer than the stream keeps events: what is forgotten is not delivered
/// again. Dead letters are kept no longer either: they have names in them.
pub const REMEMBERED: Duration = Duration::from_secs(8 * 24 * 3600);
const PRUNE: Duration = Duration::from_secs(3600);
const MEASURE: Duration = Duration::from_secs(15);

/// Rows of the outbox and the age of the oldest.
pub fn of_outbox(platform: &Platform) -> anyhow::Result<()> {
    let (service, db, clock) = (platform.service, platform.db()?, platform.clock.clone());
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
    Ok(())
}

/// The inbox and the dead letters pruned; events that wait and those given up
/// counted.
pub fn of_consumer(platform: &Platform) -> anyhow::Result<()> {
    let (service, db) = (platform.service, platform.db()?);
    platform.every("events.consumer_gauges", MEASURE, move || {
        let db = db.clone();
        async move {
            let (letters, dead) = (mailbox::count(&db, service).await?, dead_letters::count(&db).await?);
            metrics::gauge!("fenz_events_mailbox_rows", "service" => service).set(letters as f64);
            metrics::gauge!("fenz_events_dead_letters", "service" => service).set(dead as f64);
            Ok(())
        }
    });
    let (db, clock) = (platform.db()?, platform.clock.clone());
    platform.every("events.prune", PRUNE, move || {
        let (db, clock) = (db.clone(), clock.clone());
        async move {
            inbox::prune(&db, clock.ago(REMEMBERED)).await?;
            Ok(dead_letters::prune(&db, clock.ago(REMEMBERED)).await?)
        }
    });
    Ok(())
}
