//! Work that one replica of a service does for all.

use std::time::Duration;

use fenz_chassis::{Clock, Platform, Result};
use sea_orm::DatabaseConnection;

use crate::{replica::Replica, store::leases};

/// How long a lease outlives its last renewal.
const TERM: Duration = Duration::from_secs(15);

/// One replica holds it at a time, as far as their clocks agree. It is no
/// lock: a holder that was frozen may go on for a moment beside the next, so
/// the work must bear being done twice.
#[derive(Clone)]
pub struct Lease {
    db: DatabaseConnection,
    clock: Clock,
    name: &'static str,
    holder: Replica,
}

impl Lease {
    /// # Errors
    /// When the service has no database.
    pub fn new(platform: &Platform, name: &'static str) -> anyhow::Result<Self> {
        Ok(Self { db: platform.db()?, clock: platform.clock.clone(), name, holder: Replica::default() })
    }

    /// Takes or renews it. Ask before each portion of work, at least every
    /// five seconds; it ends fifteen after the last time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn hold(&self) -> Result<bool> {
        let now = self.clock.now();
        Ok(leases::take(&self.db, self.name, self.holder.id(), now, self.clock.after(TERM)).await?)
    }

    /// Gives it to whoever asks next.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn release(&self) -> Result<()> {
        Ok(leases::release(&self.db, self.name, self.holder.id()).await?)
    }
}
