//! Random values, from an injected source so that tests can repeat them.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rand::{
    Rng, RngExt, SeedableRng, TryCryptoRng, TryRng,
    distr::{Distribution, StandardUniform},
    rngs::{StdRng, ThreadRng},
};

/// Where random values come from: the operating system, unless seeded. Clones
/// draw from the same source.
#[derive(Clone, Debug, Default)]
pub struct Random {
    /// Of the next generator.
    seed: Option<Arc<AtomicU64>>,
}

/// A cryptographically secure generator of one thread.
pub enum Generator {
    Thread(ThreadRng),
    Seeded(Box<StdRng>),
}

impl Random {
    /// The same values in the same order each time. For tests.
    pub fn seeded(seed: u64) -> Self {
        Self { seed: Some(Arc::new(AtomicU64::new(seed))) }
    }

    /// A generator for several values. Takes no lock.
    #[expect(clippy::disallowed_methods, reason = "this is the injected source")]
    pub fn rng(&self) -> Generator {
        match &self.seed {
            None => Generator::Thread(rand::rng()),
            Some(seed) => Generator::Seeded(Box::new(StdRng::seed_from_u64(seed.fetch_add(1, Ordering::Relaxed)))),
        }
    }

    /// A value out of all of its type.
    pub fn value<T>(&self) -> T
    where
        StandardUniform: Distribution<T>,
    {
        self.rng().random()
    }
}

impl TryRng for Generator {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(match self {
            Self::Thread(rng) => rng.next_u32(),
            Self::Seeded(rng) => rng.next_u32(),
        })
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(match self {
            Self::Thread(rng) => rng.next_u64(),
            Self::Seeded(rng) => rng.next_u64(),
        })
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        match self {
            Self::Thread(rng) => rng.fill_bytes(bytes),
            Self::Seeded(rng) => rng.fill_bytes(bytes),
        }
        Ok(())
    }
}

impl TryCryptoRng for Generator {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_values() {
        let values = |random: &Random| -> Vec<u64> { (0..3).map(|_| random.value()).collect() };
        let (seeded, fresh) = (Random::seeded(7), Random::default());
        let first = values(&seeded);
        assert_eq!(first, values(&Random::seeded(7)));
        assert_ne!(first, values(&seeded));
        assert_ne!(values(&fresh), values(&fresh));
    }
}
