//! Typed ids, and the generator that makes them: 64 bits, ordered by time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};

use crate::{Clock, Random};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A user, of the auth service. Their first channel has the same number.
    UserId
    /// A channel, of the channel service. Its number is its owner's.
    ChannelId
    /// A video, of the content service.
    VideoId
    /// A category of videos, of the content service.
    CategoryId
    /// A tag of videos, of the recommendation service.
    TagId
    /// An uploaded file, of the media service.
    UploadId
}

/// Milliseconds of 2025-01-01, from which ids count.
const EPOCH_MS: i64 = 1_735_689_600_000;
/// Bits that tell ids of one millisecond apart.
const RANDOM_BITS: u32 = 22;

/// Makes TSIDs: 41 bits of milliseconds since 2025, then 22 bits that start at
/// random in each millisecond and count up, so that replicas rarely collide and
/// one generator never repeats. A collision is a primary-key conflict, not a loss.
#[derive(Clone, Debug)]
pub struct IdGenerator {
    clock: Clock,
    random: Random,
    last: Arc<AtomicU64>,
}

impl IdGenerator {
    pub fn new(clock: Clock, random: Random) -> Self {
        Self { clock, random, last: Arc::default() }
    }

    /// The next id: positive, larger than every one before.
    pub fn next(&self) -> i64 {
        let ms = (self.clock.now().timestamp_millis() - EPOCH_MS).max(0) as u64;
        // Leaves the upper half of the millisecond for counting on.
        let noise = u64::from(self.random.value::<u32>() >> (33 - RANDOM_BITS));
        let fresh = (ms << RANDOM_BITS) | noise;
        let previous = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(fresh.max(last + 1)))
            .unwrap_or_default();
        fresh.max(previous + 1) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_positive_and_grow() {
        let ids = IdGenerator::new(Clock::default(), Random::default());
        let made: Vec<_> = (0..10_000).map(|_| ids.next()).collect();
        assert!(made[0] > 0);
        assert!(made.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn the_random_bits_come_from_the_source() {
        let ids = IdGenerator::new(Clock::default(), Random::seeded(7));
        let noise = i64::from(Random::seeded(7).value::<u32>() >> (33 - RANDOM_BITS));
        assert_eq!(ids.next() & ((1 << RANDOM_BITS) - 1), noise);
    }
}
