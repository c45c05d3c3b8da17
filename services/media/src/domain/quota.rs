//! Limits of a user's stored and daily bytes.

/// A user's usage in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub stored: u64,
    pub sent_today: u64,
}

/// A user's limits in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    pub stored: u64,
    pub daily: u64,
}

impl Quota {
    /// How many more bytes the user may upload.
    pub fn remaining(self, used: Usage) -> u64 {
        self.stored.saturating_sub(used.stored).min(self.daily.saturating_sub(used.sent_today))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tighter_limit_applies() {
        let quota = Quota { stored: 100, daily: 50 };
        for (stored, sent_today, remaining) in [(0, 0, 50), (80, 10, 20), (10, 45, 5), (100, 0, 0), (200, 200, 0)] {
            assert_eq!(quota.remaining(Usage { stored, sent_today }), remaining);
        }
    }
}
