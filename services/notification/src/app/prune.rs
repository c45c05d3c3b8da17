//! Drops what is past its time.

use fenz_chassis::Result;

use super::App;
use crate::store::{feed, heads, readers, sources, tickets};

impl App {
    /// Drops notices older than they are kept, with all that hangs on them.
    pub async fn prune(&self) -> Result<()> {
        let before = self.clock.ago(self.config.keep);
        loop {
            let (up_to, more) = feed::prune(&self.db, before).await?;
            if up_to > 0 {
                readers::prune(&self.db, up_to).await?;
                heads::prune(&self.db, up_to).await?;
            }
            // Also when another replica was faster: its counts are not ours.
            self.forget_counts();
            if !more {
                break;
            }
        }
        sources::prune_videos(&self.db, before).await?;
        Ok(())
    }

    /// Drops tickets whose minute is over.
    pub async fn prune_tickets(&self) -> Result<()> {
        Ok(tickets::prune(&self.db, self.clock.now()).await?)
    }
}
