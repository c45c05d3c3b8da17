//! Deletes what is past its retention.

use fenz_core::Result;

use super::App;
use crate::store::{feed, latest_events, readers, sources, tickets};

impl App {
    /// Deletes notifications past their retention, with their read marks and latest events.
    pub async fn prune(&self) -> Result<()> {
        let before = self.clock.ago(self.config.keep);
        loop {
            let (up_to, more) = feed::prune(&self.db, before).await?;
            if up_to > 0 {
                readers::prune_read_marks(&self.db, up_to).await?;
                latest_events::prune(&self.db, up_to).await?;
            }
            // Also when another replica deleted the rows: each replica has a cache of its own.
            self.counts.invalidate_all();
            if !more {
                break;
            }
        }
        sources::prune_videos(&self.db, before).await?;
        Ok(())
    }

    /// Deletes expired tickets.
    pub async fn prune_tickets(&self) -> Result<()> {
        Ok(tickets::prune(&self.db, self.clock.now()).await?)
    }
}
