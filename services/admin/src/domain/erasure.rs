//! The progress of erasing a user in all services.

use std::time::Duration;

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_core::backoff;

const MAX_RETRY_DELAY: Duration = Duration::from_secs(600);

/// What the events of an erasure have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasureEvent {
    pub id: i64,
    pub user: UserId,
    /// 0 in the report of a service.
    pub version: i64,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    pub id: i64,
    pub user: UserId,
    /// Of the event that requested it; 0 until that arrives.
    pub version: i64,
    /// How often that event was published.
    pub attempts: i32,
    pub requested_at: DateTime<Utc>,
    /// When every service had reported.
    pub done_at: Option<DateTime<Utc>>,
    pub steps: Vec<Step>,
}

/// One service's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub service: String,
    pub removed: i64,
    pub done_at: Option<DateTime<Utc>>,
}

/// Exponential backoff up to [`MAX_RETRY_DELAY`].
pub fn retry_delay(first: Duration, attempts: i32) -> Duration {
    backoff::delay(attempts.cast_unsigned(), first, MAX_RETRY_DELAY.max(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_ten_minutes() {
        let first = Duration::from_secs(30);
        let delays: Vec<u64> = (1..=7).map(|attempts| retry_delay(first, attempts).as_secs()).collect();
        assert_eq!(delays, [30, 60, 120, 240, 480, 600, 600]);
        assert_eq!(retry_delay(first, 0), first);
        assert_eq!(retry_delay(first, i32::MAX).as_secs(), 600);
    }
}
