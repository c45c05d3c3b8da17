//! The generic cell rate algorithm (GCRA): a leaky bucket stored as one number,
//! the time at which it is empty again.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A number of requests per minute, all of which may arrive as one burst. In
/// microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What one request adds to the level.
    pub interval: u64,
    /// The highest level.
    pub capacity: u64,
}

impl Quota {
    /// `None` when 0, which is unlimited.
    pub fn per_minute(requests: u32) -> Option<Self> {
        let interval = 60_000_000_u64.checked_div(requests.into())?;
        Some(Self { interval, capacity: interval * u64::from(requests) })
    }

    /// How long the next request has to wait at this level.
    pub fn wait(self, level: u64) -> Option<Duration> {
        let over = (level + self.interval).saturating_sub(self.capacity);
        (over > 0).then(|| Duration::from_micros(over))
    }
}

/// The bucket of one caller. All times are microseconds of the same clock.
#[derive(Debug, Default)]
pub struct Bucket {
    empty_at: AtomicU64,
}

impl Bucket {
    /// How long a request would have to wait. Does not count it.
    pub fn wait(&self, quota: Quota, now: u64) -> Option<Duration> {
        quota.wait(self.empty_at.load(Ordering::Relaxed).saturating_sub(now))
    }

    /// Counts a request, or returns how long it has to wait.
    pub fn take(&self, quota: Quota, now: u64) -> Option<Duration> {
        let mut wait = None;
        let counted = self.empty_at.try_update(Ordering::Relaxed, Ordering::Relaxed, |empty_at| {
            wait = quota.wait(empty_at.saturating_sub(now));
            wait.is_none().then(|| empty_at.max(now) + quota.interval)
        });
        if counted.is_ok() { None } else { wait }
    }

    /// Raises the level to at least this one.
    pub fn raise(&self, level: u64, now: u64) {
        self.empty_at.fetch_max(now + level, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn a_burst_fills_the_bucket_and_then_one_passes_per_interval() {
        let (quota, bucket) = (Quota::per_minute(6).unwrap(), Bucket::default());
        for now in 0..6 {
            assert_eq!(bucket.wait(quota, now), None);
            assert_eq!(bucket.take(quota, now), None);
        }
        assert_eq!(bucket.take(quota, 0), Some(Duration::from_secs(10)));
        assert_eq!(bucket.take(quota, 4 * SECOND), Some(Duration::from_secs(6)));
        assert_eq!(bucket.wait(quota, 10 * SECOND), None);
        assert_eq!(bucket.take(quota, 10 * SECOND), None);
        assert_eq!(bucket.take(quota, 10 * SECOND), Some(Duration::from_secs(10)));
        // A long idle time does not add capacity.
        assert_eq!((0..9).filter(|_| bucket.take(quota, 900 * SECOND).is_none()).count(), 6);
    }

    #[test]
    fn a_raised_level_counts() {
        let (quota, bucket) = (Quota::per_minute(60).unwrap(), Bucket::default());
        bucket.raise(59 * SECOND, 0);
        assert_eq!(bucket.take(quota, 0), None);
        assert_eq!(bucket.take(quota, 0), Some(Duration::from_secs(1)));
        bucket.raise(SECOND, 0);
        assert_eq!(bucket.wait(quota, 0), Some(Duration::from_secs(1)));
    }

    #[test]
    fn one_per_minute_is_a_limit_and_zero_is_unlimited() {
        let (quota, bucket) = (Quota::per_minute(1).unwrap(), Bucket::default());
        assert_eq!(bucket.take(quota, 5), None);
        assert_eq!(bucket.take(quota, 5), Some(Duration::from_secs(60)));
        assert_eq!(Quota::per_minute(0), None);
        // The interval is rounded down: the capacity never exceeds a minute.
        assert!(Quota::per_minute(7).unwrap().capacity <= 60 * SECOND);
    }
}
