//! What the service does, a file for each use case.

mod channels;
mod forget;
mod hub;
mod inbox;
mod mark;
mod prune;
mod settings;
mod stream;
mod take_in;

use std::{sync::Arc, time::Duration};

use fenz_chassis::{Clock, IdMaker, Platform};
use fenz_events::Erasures;
use moka::sync::Cache;
use sea_orm::DatabaseConnection;

pub use forget::Forgetting;
pub use hub::{Hub, Opened, frame};
pub use inbox::Entry;
pub use stream::{Listening, TICKET_LIFETIME};
pub use take_in::TakeIn;

use crate::Config;
use inbox::Summary;

/// Users whose counts are kept in mind; about 100 bytes each.
const SUMMARIES: u64 = 100_000;
/// Also of who asks all the time: another replica may have dropped what is old,
/// which moves nothing that counts are checked against.
const SUMMARIES_FOR: Duration = Duration::from_secs(300);

/// What the use cases work with. Clones share all of it.
#[derive(Clone)]
pub struct App {
    db: DatabaseConnection,
    clock: Clock,
    pub(crate) config: Arc<Config>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) take_in: TakeIn,
    pub(crate) erasures: Erasures,
    summaries: Cache<i64, Summary>,
}

impl App {
    pub fn new(platform: &Platform, config: Config, erasures: Erasures) -> anyhow::Result<Self> {
        Ok(Self::over(platform.db()?, platform.clock.clone(), platform.ids.clone(), config, erasures))
    }

    fn over(db: DatabaseConnection, clock: Clock, ids: IdMaker, config: Config, erasures: Erasures) -> Self {
        Self {
            hub: Arc::new(Hub::new(db.clone(), clock.clone(), config.streams_per_user)),
            take_in: TakeIn::new(ids, clock.clone(), erasures.clone()),
            erasures,
            db,
            clock,
            config: Arc::new(config),
            summaries: Cache::builder().max_capacity(SUMMARIES).time_to_live(SUMMARIES_FOR).build(),
        }
    }
}

#[cfg(test)]
mod tests;
