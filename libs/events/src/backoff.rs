//! Growing pauses while something is away.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

/// Doubles from 0.2 s to 5 s.
#[derive(Debug)]
pub struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    /// The next pause.
    pub fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST);
        pause
    }

    /// All is well again.
    pub fn reset(&mut self) {
        self.0 = FIRST;
    }
}

/// The pause after so many failures of one event, from the first.
pub fn after(failures: u32) -> Duration {
    FIRST * 2_u32.pow(failures.saturating_sub(1).min(16))
}
