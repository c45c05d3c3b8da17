//! The least rate of an upload: a place is worth more than a client that keeps it with a
//! byte now and then.

use std::time::Duration;

/// A rate that each period must reach, except the first.
#[derive(Clone, Copy, Debug)]
pub struct MinRate {
    pub bytes_per_second: u64,
    pub period: Duration,
}

/// Measures what a client sends. Only the time counts in which the client is waited for:
/// it is not at fault where the object store is slow.
pub struct RateMeter {
    min: MinRate,
    received: u64,
    waited: Duration,
    is_first_period: bool,
}

impl RateMeter {
    pub fn new(min: MinRate) -> Self {
        Self { min, received: 0, waited: Duration::ZERO, is_first_period: true }
    }

    /// Adds bytes that came after a wait. False at the end of a period that had too few.
    pub fn record(&mut self, bytes: usize, wait: Duration) -> bool {
        self.received += bytes as u64;
        self.waited += wait;
        if self.waited < self.min.period {
            return true;
        }
        let required = self.min.bytes_per_second as f64 * self.waited.as_secs_f64();
        let is_fast_enough = self.is_first_period || self.received as f64 >= required;
        *self = Self { is_first_period: false, ..Self::new(self.min) };
        is_fast_enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: MinRate = MinRate { bytes_per_second: 1000, period: Duration::from_secs(60) };

    /// The second at which a client is too slow that sends so much every 10 seconds.
    fn ends_at(bytes: impl Fn(u64) -> usize) -> Option<u64> {
        let mut meter = RateMeter::new(MIN);
        (1..=60).map(|i| i * 10).find(|second| !meter.record(bytes(*second), Duration::from_secs(10)))
    }

    #[test]
    fn each_minute_after_the_first_has_to_bring_enough() {
        assert_eq!(ends_at(|_| 10_000), None, "just enough");
        assert_eq!(ends_at(|_| 9_999), Some(120));
        assert_eq!(ends_at(|second| if second <= 60 { 0 } else { 10_000 }), None, "a slow start");
        assert_eq!(ends_at(|second| if second % 60 == 0 { 60_000 } else { 1 }), None, "in bursts");
        assert_eq!(ends_at(|second| if second <= 300 { 1_000_000 } else { 1 }), Some(360), "no credit is kept");
    }

    #[test]
    fn bytes_that_are_there_already_take_no_time() {
        let mut meter = RateMeter::new(MIN);
        assert!((0..1000).all(|_| meter.record(1, Duration::ZERO)));
    }
}
