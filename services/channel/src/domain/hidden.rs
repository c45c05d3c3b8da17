//! Why a channel is hidden: it keeps every reason, and is visible when none is
//! left.

/// A set of reasons, a bit for each, as videos have them: 1 moderation, 2 its
/// owner's account is hidden, 8 its owner hid it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HiddenReasons(i32);

const MODERATION: i32 = 1;
const OWNER_HIDDEN: i32 = 2;

impl HiddenReasons {
    pub fn from_bits(bits: i32) -> Self {
        Self(bits)
    }

    pub fn bits(self) -> i32 {
        self.0
    }

    pub fn any(self) -> bool {
        self.0 != 0
    }

    /// With the reason of moderation, or without it; the others stay.
    #[must_use]
    pub fn moderated(self, hide: bool) -> Self {
        self.with(MODERATION, hide)
    }

    /// With the reason that the owner's account is hidden, or without it; the
    /// others stay.
    #[must_use]
    pub fn owner_hidden(self, hidden: bool) -> Self {
        self.with(OWNER_HIDDEN, hidden)
    }

    /// The reason of moderation alone, if it is one.
    #[must_use]
    pub fn by_moderation(self) -> Self {
        Self(self.0 & MODERATION)
    }

    fn with(self, reason: i32, set: bool) -> Self {
        Self(if set { self.0 | reason } else { self.0 & !reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taking_one_reason_away_leaves_the_others() {
        let both = HiddenReasons::from_bits(2).moderated(true);
        let left = both.moderated(false);
        assert_eq!((both.bits(), left.bits(), left.any()), (3, 2, true));
        assert_eq!(left.moderated(false), left);
        assert_eq!((both.by_moderation().bits(), left.by_moderation().any()), (1, false));
        assert_eq!((both.owner_hidden(false).bits(), left.owner_hidden(false).any()), (1, false));
        assert!(!HiddenReasons::default().moderated(true).moderated(false).any());
    }
}
