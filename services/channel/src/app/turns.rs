//! Changes of one channel's memberships, one after the other.
//!
//! The database would queue them as well, each with a connection in its hand;
//! a rush on one channel would then leave none for anybody else.

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

use crate::domain::ChannelId;

/// Channels that fall into the same place share their turns.
const PLACES: usize = 64;

#[derive(Clone)]
pub struct Turns(Arc<[Mutex<()>; PLACES]>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(std::array::from_fn(|_| Mutex::default())))
    }
}

impl Turns {
    /// Waits, in the order of arrival.
    pub async fn of(&self, channel: ChannelId) -> MutexGuard<'_, ()> {
        // The lower bits of ids made in one burst only count up.
        let place = (channel.0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
        self.0[place as usize].lock().await
    }
}
