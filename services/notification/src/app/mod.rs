//! The use cases, one file each.

mod deletion;
mod inbox;
mod mark;
mod mute;
mod open_stream;
mod projection;
mod prune;
mod settings;
mod streams;

use std::{sync::Arc, time::Duration};

use fenz_chassis::Platform;
use fenz_core::{Clock, Random, UserId};
use fenz_events::ErasureRunner;
use moka::sync::Cache;
use sea_orm::DatabaseConnection;

pub use deletion::UserErasure;
pub use open_stream::{StreamAccess, TICKET_LIFETIME};
pub use projection::Projection;
pub use streams::{Encode, OpenStream, StreamRegistry};

use crate::Config;
use inbox::Counts;

/// Users whose counts are cached; about 100 bytes each.
const CACHED_COUNTS: u64 = 100_000;
/// Expires also the counts of users who poll all the time: pruning by another replica
/// changes nothing that cached counts are checked against.
const COUNTS_TTL: Duration = Duration::from_secs(300);

/// The dependencies of the use cases. Clones share them.
#[derive(Clone)]
pub struct App {
    pub(crate) db: DatabaseConnection,
    clock: Clock,
    random: Random,
    pub(crate) config: Arc<Config>,
    pub(crate) streams: Arc<StreamRegistry>,
    pub(crate) projection: Projection,
    pub(crate) erasures: ErasureRunner,
    counts: Cache<UserId, Counts>,
}

impl App {
    /// `encode` makes the frames of open streams.
    pub fn new(
        platform: &Platform,
        db: DatabaseConnection,
        config: Config,
        erasures: ErasureRunner,
        encode: Encode,
    ) -> Self {
        let clock = platform.clock.clone();
        Self {
            streams: Arc::new(StreamRegistry::new(db.clone(), clock.clone(), config.streams_per_user, encode)),
            projection: Projection::new(platform.ids.clone(), clock.clone(), erasures.clone()),
            erasures,
            db,
            clock,
            random: platform.random.clone(),
            config: Arc::new(config),
            counts: Cache::builder().max_capacity(CACHED_COUNTS).time_to_live(COUNTS_TTL).build(),
        }
    }
}

#[cfg(test)]
mod tests;
