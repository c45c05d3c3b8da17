//! In-process locks that serialise the changes of one channel's memberships.
//!
//! The row lock in the database would serialise them too, but every waiter would
//! hold a pool connection: a burst on one channel would exhaust the pool.

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

use crate::domain::ChannelId;

/// Channels that hash to the same stripe share a lock.
const STRIPES: usize = 64;

#[derive(Clone)]
pub struct StripedMutex(Arc<[Mutex<()>; STRIPES]>);

impl Default for StripedMutex {
    fn default() -> Self {
        Self(Arc::new(std::array::from_fn(|_| Mutex::default())))
    }
}

impl StripedMutex {
    /// Waits in first-in, first-out order.
    pub async fn lock(&self, channel: ChannelId) -> MutexGuard<'_, ()> {
        // Ids made in one burst differ in their lower bits only.
        let stripe = (channel.0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
        self.0[stripe as usize].lock().await
    }
}
