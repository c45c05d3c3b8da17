//! Limits concurrent database reads of requests, so that a lost cache does not
//! overload the database.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use fenz_core::{Error, Result};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many reads went to the database instead of a cache.
#[derive(Clone, Debug, Default)]
pub struct DatabaseReads(Arc<AtomicU64>);

impl DatabaseReads {
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub struct ReadLimiter {
    permits: Semaphore,
    reads: DatabaseReads,
}

impl ReadLimiter {
    pub fn new(limit: usize, reads: DatabaseReads) -> Self {
        Self { permits: Semaphore::new(limit), reads }
    }

    /// Waits for a permit, to be held during the read.
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>> {
        let permit = self.permits.acquire().await.map_err(Error::internal)?;
        self.reads.0.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("fenz_recommendation_database_reads_total").increment(1);
        Ok(permit)
    }
}
