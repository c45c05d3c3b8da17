//! Deletes expired rows.

use fenz_core::Result;

use super::App;
use crate::{
    domain::decay::RETENTION_HOURS,
    store::{channels, tag_choices, videos, views},
};

impl App {
    /// Deletes old tag choices of guests, hourly view totals and tombstones.
    pub async fn prune(&self) -> Result<()> {
        tag_choices::prune_guests(&self.db, self.clock.ago(self.config.keep_guests)).await?;
        let hour = (self.clock.unix() / 3600) as i32;
        views::prune(&self.db, hour - RETENTION_HOURS).await?;
        // Also longer than a replica may be down.
        let before = self.clock.ago(fenz_events::RETENTION);
        while videos::prune_deleted(&self.db, before).await? {}
        Ok(channels::prune_deleted(&self.db, before).await?)
    }
}
