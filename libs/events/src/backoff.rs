//! Growing delays between attempts.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use fenz_core::backoff::{delay, exponential};
use tokio_util::sync::CancellationToken;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

/// Delays that start over after a success: by default from 0.2 s to 5 s.
#[derive(Debug)]
pub struct Backoff {
    policy: ExponentialBuilder,
    delays: ExponentialBackoff,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(FIRST, LONGEST)
    }
}

impl Backoff {
    pub fn new(first: Duration, longest: Duration) -> Self {
        let policy = exponential(first, longest);
        Self { policy, delays: policy.build() }
    }

    /// Sleeps for the next delay, or until `stop`.
    pub async fn sleep(&mut self, stop: &CancellationToken) {
        let next = self.delays.next().unwrap_or(LONGEST);
        stop.run_until_cancelled(tokio::time::sleep(next)).await;
    }

    pub fn reset(&mut self) {
        self.delays = self.policy.build();
    }
}

/// How long an event waits after it has failed this often.
pub fn retry_delay(failures: i32) -> Duration {
    delay(failures.cast_unsigned(), FIRST, LONGEST)
}
