//! What the service does, a file for each use case.

mod audit;
mod create_report;
mod eraser;
mod erasures;
mod prune;
mod reports;
mod update_report;

use std::sync::Arc;

use fenz_chassis::{Clock, IdMaker, Platform, Result};
use fenz_events::{Erasures, Outbox};
use sea_orm::DatabaseConnection;

pub use create_report::NewReport;
pub use eraser::Forgetting;

use crate::{Config, clients::Owners, domain::page::Page};

/// What the use cases work with. Clones share all of it.
#[derive(Clone)]
pub struct App {
    db: DatabaseConnection,
    clock: Clock,
    ids: IdMaker,
    config: Arc<Config>,
    /// The services that report erasures.
    services: Arc<[String]>,
    outbox: Outbox,
    orders: Erasures,
    owners: Owners,
}

impl App {
    pub fn new(platform: &Platform, config: Config, outbox: Outbox, orders: Erasures) -> anyhow::Result<Self> {
        Ok(Self {
            db: platform.db()?,
            clock: platform.clock.clone(),
            ids: platform.ids.clone(),
            services: config.services().into(),
            config: Arc::new(config),
            outbox,
            orders,
            owners: Owners::new(&platform.peers)?,
        })
    }

    /// A page's place, if it is not too deep.
    pub fn page(&self, number: Option<i32>, size: Option<i32>) -> Result<Page> {
        Page::of(number, size, self.config.max_page_depth)
    }

    /// How this service forgets a user.
    pub fn eraser(&self) -> Forgetting {
        Forgetting(self.clone())
    }
}
