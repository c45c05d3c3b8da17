//! Reasons why a channel is hidden; it is visible if there are none.

/// A bit set with the same bits as for videos: 1 moderation, 2 the owner's account
/// is hidden, 8 hidden by the owner.
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

    /// Sets or clears the moderation reason; the others stay.
    #[must_use]
    pub fn moderated(self, hide: bool) -> Self {
        self.with(MODERATION, hide)
    }

    /// Sets or clears the reason that the owner's account is hidden; the others
    /// stay.
    #[must_use]
    pub fn owner_hidden(self, hidden: bool) -> Self {
        self.with(OWNER_HIDDEN, hidden)
    }

    /// Only the moderation reason, if set.
    #[must_use]
    pub fn only_moderation(self) -> Self {
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
    fn clearing_one_reason_keeps_the_others() {
        let both = HiddenReasons::from_bits(2).moderated(true);
        let left = both.moderated(false);
        assert_eq!((both.bits(), left.bits(), left.any()), (3, 2, true));
        assert_eq!(left.moderated(false), left);
        assert_eq!((both.only_moderation().bits(), left.only_moderation().any()), (1, false));
        assert_eq!((both.owner_hidden(false).bits(), left.owner_hidden(false).any()), (1, false));
        assert!(!HiddenReasons::default().moderated(true).moderated(false).any());
    }
}
