//! Tasks that one replica of a service runs for all.

use std::time::Duration;

use fenz_chassis::Platform;
use fenz_core::{Clock, Result};
use sea_orm::DatabaseConnection;

use crate::{replica::Replica, store::leases};

/// How long a lease outlives its last renewal.
const TERM: Duration = Duration::from_secs(15);

/// One replica holds it at a time, as far as their clocks agree. It is no
/// lock: a holder that was suspended may run concurrently with the next one, so
/// the task must be idempotent.
#[derive(Clone)]
pub struct Lease {
    db: DatabaseConnection,
    clock: Clock,
    name: &'static str,
    holder: Replica,
}

impl Lease {
    pub fn new(platform: &Platform, db: DatabaseConnection, name: &'static str) -> Self {
        Self { db, clock: platform.clock.clone(), name, holder: Replica::default() }
    }

    /// Takes or renews it. Call it before each batch of work, at least every
    /// five seconds; it expires fifteen seconds after the last call.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn hold(&self) -> Result<bool> {
        let now = self.clock.now();
        Ok(leases::take(&self.db, self.name, self.holder.id(), now, self.clock.after(TERM)).await?)
    }

    /// Releases it for the next replica that asks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn release(&self) -> Result<()> {
        Ok(leases::release(&self.db, self.name, self.holder.id()).await?)
    }
}
