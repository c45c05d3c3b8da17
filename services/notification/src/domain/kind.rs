//! The types of notifications, and which of them a user wants.

/// What a notification is about. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    NewVideo = 0,
    VideoUpdate = 1,
    Subscription = 2,
    Donation = 3,
    PremiumStarted = 4,
    PremiumEnded = 5,
    Moderation = 6,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::NewVideo,
        Self::VideoUpdate,
        Self::Subscription,
        Self::Donation,
        Self::PremiumStarted,
        Self::PremiumEnded,
        Self::Moderation,
    ];

    pub fn number(self) -> i32 {
        self as i32
    }

    /// The kind of a stored number.
    pub fn of(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// As the contract calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewVideo => "new_video",
            Self::VideoUpdate => "video_update",
            Self::Subscription => "subscription",
            Self::Donation => "donation",
            Self::PremiumStarted => "premium_started",
            Self::PremiumEnded => "premium_ended",
            Self::Moderation => "moderation",
        }
    }
}

/// A set of kinds, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kinds(i32);

impl Kinds {
    /// What a user is told of who has not chosen.
    pub const ALL: Self = Self((1 << Kind::ALL.len()) - 1);

    pub fn from_bits(bits: i32) -> Self {
        Self(bits & Self::ALL.0)
    }

    pub fn bits(self) -> i32 {
        self.0
    }

    pub fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind.number()) != 0
    }

    #[must_use]
    pub fn with(self, kind: Kind, wanted: bool) -> Self {
        let bit = 1 << kind.number();
        Self(if wanted { self.0 | bit } else { self.0 & !bit })
    }

    /// The stored numbers of those in the set.
    pub fn numbers(self) -> Vec<i32> {
        Kind::ALL.into_iter().filter(|kind| self.has(*kind)).map(Kind::number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_come_back_from_their_numbers() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(kind.number()), Some(kind));
            assert!(Kinds::ALL.has(kind));
            let without = Kinds::ALL.with(kind, false);
            assert!(!without.has(kind) && !without.numbers().contains(&kind.number()));
            assert_eq!(without.with(kind, true), Kinds::ALL);
        }
        assert_eq!(Kind::of(7), None);
    }
}
