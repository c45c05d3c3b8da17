//! Growing delays between tries.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// Delays that double from the first to the longest, without an end.
pub const fn exponential(first: Duration, longest: Duration) -> ExponentialBuilder {
    ExponentialBuilder::new().with_min_delay(first).with_max_delay(longest).without_max_times()
}

/// The delay after this many failures in a row, at least one.
pub fn delay(failures: u32, first: Duration, longest: Duration) -> Duration {
    // The longest is reached long before.
    let index = failures.clamp(1, 64) as usize - 1;
    exponential(first, longest).build().nth(index).unwrap_or(longest).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_secs(5), Duration::from_secs(300));
        let seconds = |failures| delay(failures, first, longest).as_secs();
        assert_eq!([0, 1, 2, 3, 6, 7, 8, u32::MAX].map(seconds), [5, 5, 10, 20, 160, 300, 300, 300]);
        assert_eq!(delay(1, longest, first), first);
    }
}
