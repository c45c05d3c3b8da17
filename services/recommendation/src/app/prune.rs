//! Drops what is past its time.

use std::time::Duration;

use fenz_chassis::Result;

use super::App;
use crate::{
    domain::decay::KEPT_HOURS,
    store::{channels, preferences, videos, views},
};

/// Longer than the bus keeps events, and than a replica may be away: what is
/// gone is remembered so long.
const GONE: Duration = Duration::from_secs(8 * 24 * 3600);

impl App {
    /// Drops guests' old choices, old hours, and what is left of what is gone.
    pub async fn prune(&self) -> Result<()> {
        preferences::prune_guests(&self.db, self.clock.ago(self.config.keep_guests)).await?;
        let hour = (self.clock.unix() / 3600) as i32;
        views::prune(&self.db, hour - KEPT_HOURS).await?;
        let before = self.clock.ago(GONE);
        while videos::prune(&self.db, before).await? {}
        Ok(channels::prune(&self.db, before).await?)
    }
}
