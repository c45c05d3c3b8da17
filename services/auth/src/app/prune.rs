//! Deletes expired rows.

use std::time::Duration;

use fenz_core::Result;

use super::{App, LEEWAY};
use crate::store::{failures, keys, one_time, refresh_tokens, session_ends, sessions};

/// How long expired rows are kept, for investigations.
const RETENTION: Duration = Duration::from_secs(3600);

impl App {
    /// Deletes expired sessions, tokens, failure counts and keys.
    ///
    /// # Errors
    /// When the database does not answer; the next run continues.
    pub async fn prune(&self) -> Result<()> {
        let now = self.clock.now();
        let access_token_ttl = self.config.access_ttl + LEEWAY;
        let expired_before = self.clock.ago(RETENTION);
        let ended_before = expired_before - access_token_ttl;
        while sessions::prune(&self.db, ended_before, expired_before).await? {}
        session_ends::prune(&self.db, now - access_token_ttl).await?;
        refresh_tokens::prune(&self.db, expired_before).await?;
        one_time::prune(&self.db, now).await?;
        failures::prune(&self.db, now).await?;
        keys::prune(&self.db, ended_before).await?;
        Ok(())
    }
}
