//! When a failed job is tried again.

use std::time::Duration;

use fenz_core::{Error, Random, Reason, backoff};

/// How often a job is tried, and after which delays.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// Attempts before the job is dead.
    pub attempts: u32,
    /// The delay after the first failure; doubled after each other.
    pub first_delay: Duration,
    pub longest_delay: Duration,
}

impl Retries {
    /// Ten attempts within about half an hour.
    pub const DEFAULT: Self =
        Self { attempts: 10, first_delay: Duration::from_secs(5), longest_delay: Duration::from_secs(300) };

    /// The delay after so many attempts: between half of it and all of it, so that
    /// jobs that failed together do not come back together.
    pub(crate) fn delay(&self, attempts: u32, random: &Random) -> Duration {
        let longest = backoff::delay(attempts, self.first_delay, self.longest_delay);
        longest.mul_f64(0.5 + f64::from(random.value::<u16>()) / f64::from(u16::MAX) / 2.0)
    }
}

/// Whether a failure is that of something the job depends on. A job is not given up
/// for it, however long it lasts.
pub fn is_unavailable(error: &Error) -> bool {
    matches!(error.reason, Reason::Unavailable | Reason::DeadlineExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_differ() {
        let random = Random::seeded(7);
        let seconds = |attempts| Retries::DEFAULT.delay(attempts, &random).as_secs_f64();
        for (attempts, longest) in [(1, 5.0), (2, 10.0), (3, 20.0), (20, 300.0)] {
            let delays: Vec<_> = (0..100).map(|_| seconds(attempts)).collect();
            assert!(delays.iter().all(|delay| (longest / 2.0..=longest).contains(delay)), "{delays:?}");
            assert!(delays.windows(2).any(|pair| pair[0] < pair[1]) && delays.windows(2).any(|pair| pair[0] > pair[1]));
        }
    }
}
