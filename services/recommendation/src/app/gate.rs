//! How many reads of the database requests may cause at a time: a cache that
//! was lost must not become a storm there.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use fenz_chassis::{Error, Result};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How often requests have gone to the database instead of a cache.
#[derive(Clone, Debug, Default)]
pub struct DatabaseReads(Arc<AtomicU64>);

impl DatabaseReads {
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub struct Gate {
    permits: Semaphore,
    reads: DatabaseReads,
}

impl Gate {
    pub fn new(width: usize, reads: DatabaseReads) -> Self {
        Self { permits: Semaphore::new(width), reads }
    }

    /// Waits for its turn; hold what comes back while reading.
    pub async fn enter(&self) -> Result<SemaphorePermit<'_>> {
        let permit = self.permits.acquire().await.map_err(Error::internal)?;
        self.reads.0.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("fenz_recommendation_database_reads_total").increment(1);
        Ok(permit)
    }
}
