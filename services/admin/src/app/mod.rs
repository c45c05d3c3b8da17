//! The use cases, one file each.

mod audit;
mod create_report;
mod erasures;
mod jobs;
mod prune;
mod reports;
mod update_report;
mod user_eraser;

use std::sync::Arc;

use fenz_chassis::Platform;
use fenz_core::{Clock, IdGenerator, Result};
use fenz_events::{ErasureRunner, Outbox};
use sea_orm::DatabaseConnection;

pub use create_report::NewReport;
pub use user_eraser::UserEraser;

use crate::{Config, domain::page::Page, jobs_client::JobsClient, moderation_client::ModerationClient};

/// The dependencies of the use cases. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) db: DatabaseConnection,
    clock: Clock,
    ids: IdGenerator,
    config: Arc<Config>,
    /// The services that take part in erasures.
    services: Arc<[String]>,
    outbox: Outbox,
    /// The erasures that this service itself runs.
    erasure_runner: ErasureRunner,
    moderation: ModerationClient,
    jobs: JobsClient,
}

impl App {
    pub fn new(
        platform: &Platform,
        db: DatabaseConnection,
        config: Config,
        outbox: Outbox,
        erasure_runner: ErasureRunner,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            jobs: JobsClient::new(platform, &db)?,
            db,
            clock: platform.clock.clone(),
            ids: platform.ids.clone(),
            services: config.services().into(),
            config: Arc::new(config),
            outbox,
            erasure_runner,
            moderation: ModerationClient::new(&platform.peers)?,
        })
    }

    /// A page, if it is within the allowed depth.
    pub fn page(&self, number: Option<i32>, size: Option<i32>) -> Result<Page> {
        Page::of(number, size, self.config.max_page_depth)
    }
}
