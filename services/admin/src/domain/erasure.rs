//! How far the fleet is with forgetting a user.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The longest pause between two times of telling.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    pub id: i64,
    pub user: i64,
    /// Of the event that ordered it; 0 until that was heard.
    pub version: i64,
    /// How often the services were told.
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

/// How long to wait after so many times of telling.
pub fn pause(first: Duration, attempts: i32) -> Duration {
    let doublings = attempts.clamp(1, 16) as u32 - 1;
    first.saturating_mul(1 << doublings).min(LONGEST_PAUSE.max(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_minutes() {
        let first = Duration::from_secs(30);
        let pauses: Vec<u64> = (1..=7).map(|attempts| pause(first, attempts).as_secs()).collect();
        assert_eq!(pauses, [30, 60, 120, 240, 480, 600, 600]);
        assert_eq!(pause(first, 0), first);
        assert_eq!(pause(first, i32::MAX).as_secs(), 600);
    }
}
