//! Forgetting what has expired.

use std::time::Duration;

use super::{App, LEEWAY};
use crate::store::{ended_sessions, failures, keys, one_time, refresh_tokens, sessions};

/// Expired things stay for so long, for whoever looks into what happened.
const MARGIN: Duration = Duration::from_secs(3600);

impl App {
    /// Removes sessions, tokens, counts of failures and keys that are over.
    ///
    /// # Errors
    /// When the database does not answer; the next turn goes on.
    pub async fn prune(&self) -> anyhow::Result<()> {
        let now = self.clock.now();
        let margin = self.clock.ago(MARGIN);
        let ended = margin - (self.config.access_ttl + LEEWAY);
        while sessions::prune(&self.db, ended, margin).await? {}
        ended_sessions::prune(&self.db, now - (self.config.access_ttl + LEEWAY)).await?;
        refresh_tokens::prune(&self.db, margin).await?;
        one_time::prune(&self.db, now).await?;
        failures::prune(&self.db, now).await?;
        keys::prune(&self.db, ended).await?;
        Ok(())
    }
}
