//! The time, injected so that tests can turn it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

/// Tells the time. Clones tell the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Microseconds that a test has turned the clock by.
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// Now, to the microsecond that every database keeps.
    #[expect(clippy::disallowed_methods, reason = "this is the injected clock")]
    pub fn now(&self) -> DateTime<Utc> {
        let micros = Utc::now().timestamp_micros() + self.offset.load(Ordering::Relaxed);
        DateTime::from_timestamp_micros(micros).unwrap_or_default()
    }

    /// Seconds since 1970.
    pub fn unix(&self) -> i64 {
        self.now().timestamp()
    }

    /// Turns the clock forward. For tests.
    pub fn advance(&self, by: Duration) {
        self.offset.fetch_add(by.as_micros() as i64, Ordering::Relaxed);
    }

    /// The time so long ago.
    pub fn ago(&self, span: Duration) -> DateTime<Utc> {
        self.now() - TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX)
    }

    /// The time in so long.
    pub fn after(&self, span: Duration) -> DateTime<Utc> {
        self.now() + TimeDelta::from_std(span).unwrap_or(TimeDelta::zero())
    }
}
