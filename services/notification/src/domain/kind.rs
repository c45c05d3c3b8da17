//! The types of notifications, and sets of them.

/// The type of a notification. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    NewVideo = 0,
    VideoUpdate = 1,
    Subscription = 2,
    Donation = 3,
    PremiumStarted = 4,
    PremiumEnded = 5,
    Moderation = 6,
    VideoFailed = 7,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::NewVideo,
        Self::VideoUpdate,
        Self::Subscription,
        Self::Donation,
        Self::PremiumStarted,
        Self::PremiumEnded,
        Self::Moderation,
        Self::VideoFailed,
    ];

    pub fn number(self) -> i32 {
        self as i32
    }

    /// The kind of a stored number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The name in the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewVideo => "new_video",
            Self::VideoUpdate => "video_update",
            Self::Subscription => "subscription",
            Self::Donation => "donation",
            Self::PremiumStarted => "premium_started",
            Self::PremiumEnded => "premium_ended",
            Self::Moderation => "moderation",
            Self::VideoFailed => "video_failed",
        }
    }
}

/// A set of kinds, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KindSet(i32);

impl KindSet {
    /// The default of a user without settings.
    pub const ALL: Self = Self((1 << Kind::ALL.len()) - 1);

    pub fn from_bits(bits: i32) -> Self {
        Self(bits & Self::ALL.0)
    }

    pub fn bits(self) -> i32 {
        self.0
    }

    pub fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind.number()) != 0
    }

    #[must_use]
    pub fn with(self, kind: Kind, enabled: bool) -> Self {
        let bit = 1 << kind.number();
        Self(if enabled { self.0 | bit } else { self.0 & !bit })
    }

    /// The stored numbers of those in the set.
    pub fn numbers(self) -> Vec<i32> {
        Kind::ALL.into_iter().filter(|kind| self.contains(*kind)).map(Kind::number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_round_trip_through_their_numbers() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_number(kind.number()), Some(kind));
            assert!(KindSet::ALL.contains(kind));
            let without = KindSet::ALL.with(kind, false);
            assert!(!without.contains(kind) && !without.numbers().contains(&kind.number()));
            assert_eq!(without.with(kind, true), KindSet::ALL);
        }
        assert_eq!(Kind::from_number(8), None);
    }
}
