//! Waiting for what is to come, and for no longer than was promised.

use std::time::{Duration, Instant};

/// How long others may still see what was hidden, and may not yet find what
/// was published.
const SECOND: Duration = Duration::from_secs(1);
/// What two processors add that run two fleets and compilers meanwhile: a tenth
/// to half a second was usual, 1.3 seconds in all the longest that was seen.
const SLACK: Duration = Duration::from_secs(1);

/// Within a second, on a machine that has other things to do.
pub const SOON: Duration = SECOND.saturating_add(SLACK);

/// Waits until something holds; a look that begins after the limit is too late.
/// How long it took.
pub async fn within(limit: Duration, what: &str, holds: impl AsyncFn() -> bool) -> Duration {
    let begun = Instant::now();
    loop {
        let looked = begun.elapsed();
        if holds().await {
            return looked;
        }
        assert!(looked < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
