//! What the service does, a file for each use case.

mod ahead;
mod cleanup;
mod erase;
mod feeds;
mod follow;
mod gate;
mod popular;
mod preferences;
mod prune;
mod rebuild;
mod recommended;
mod sets;
mod shelf;
mod tags;
mod take_in;
mod titles;
mod viewers;
mod warm;
mod watched;

use std::sync::Arc;

use fenz_chassis::{Clock, IdMaker, Platform};
use fenz_events::{Erasures, Outbox};
use sea_orm::DatabaseConnection;

pub use cleanup::Cleanup;
pub use erase::Forget;
pub use follow::Follower;
pub use gate::DatabaseReads;
pub use rebuild::Rebuild;
pub use sets::Sets;
pub use shelf::{Card, Shelf};
pub use take_in::TakeIn;

use crate::Config;

/// What the use cases work with. Clones share all of it.
#[derive(Clone)]
pub struct App {
    pub(crate) db: DatabaseConnection,
    clock: Clock,
    ids: IdMaker,
    outbox: Outbox,
    pub(crate) config: Arc<Config>,
    pub(crate) erasures: Erasures,
    pub(crate) take_in: TakeIn,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) sets: Arc<Sets>,
    pub(crate) cleanup: Arc<Cleanup>,
    pub(crate) follower: Arc<Follower>,
    pub(crate) popular: Arc<popular::Popular>,
    pub(crate) feeds: Arc<feeds::Feeds>,
    pub(crate) ahead: Arc<ahead::Ahead>,
    viewers: Arc<viewers::Viewers>,
    watched: Arc<watched::Watched>,
    gate: Arc<gate::Gate>,
}

impl App {
    pub fn new(platform: &Platform, config: Config, outbox: Outbox) -> anyhow::Result<Self> {
        let (db, clock, redis) = (platform.db()?, platform.clock.clone(), platform.redis());
        let gate = Arc::new(gate::Gate::new(config.database_reads, platform.shared.get()));
        let shelf = Shelf::new(db.clone(), redis.clone(), gate.clone(), &config, shelf::Links::new(platform)?);
        let shelf = Arc::new(shelf);
        let sets = Arc::new(Sets::new(db.clone(), redis.clone(), gate.clone()));
        let popular = popular::Popular::new(db.clone(), clock.clone(), redis.clone(), gate.clone(), &config);
        let popular = Arc::new(popular);
        let cleanup = Arc::new(Cleanup::new(db.clone(), redis.clone(), sets.clone()));
        let erasures = Erasures::new(platform, &outbox)?;
        Ok(Self {
            take_in: TakeIn::new(clock.clone(), erasures.clone()),
            follower: Arc::new(Follower::new(db.clone(), shelf.clone(), sets.clone(), popular.clone())),
            feeds: Arc::new(feeds::Feeds::new(redis)),
            ahead: Arc::default(),
            viewers: Arc::new(viewers::Viewers::new(db.clone(), gate.clone())),
            watched: Arc::new(watched::Watched::new(platform.peers.find("content")?)),
            ids: platform.ids.clone(),
            config: Arc::new(config),
            db,
            clock,
            outbox,
            erasures,
            shelf,
            sets,
            cleanup,
            popular,
            gate,
        })
    }

    /// Something was taken in: what follows looks now instead of soon.
    pub fn wake(&self) {
        self.cleanup.wake();
        self.follower.wake();
    }
}
