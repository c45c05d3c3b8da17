//! Why a video is hidden: it keeps every reason, and is visible when none is
//! left.

/// A set of reasons, a bit for each: 1 moderation, 8 its owner hid it. That its
/// channel is hidden is the channel's; 2 and 4 are not used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HiddenReasons(i32);

impl HiddenReasons {
    /// Moderators hid it.
    pub const MODERATION: i32 = 1;

    pub fn from_bits(bits: i32) -> Self {
        Self(bits)
    }

    pub fn bits(self) -> i32 {
        self.0
    }

    pub fn any(self) -> bool {
        self.0 != 0
    }

    pub fn moderated(self) -> bool {
        self.0 & Self::MODERATION != 0
    }

    /// The same with or without moderation among them.
    #[must_use]
    pub fn with_moderation(self, moderated: bool) -> Self {
        Self(if moderated { self.0 | Self::MODERATION } else { self.0 & !Self::MODERATION })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moderation_leaves_other_reasons_alone() {
        let own = HiddenReasons::from_bits(8);
        let both = own.with_moderation(true);
        assert_eq!((both.bits(), both.moderated(), own.moderated()), (9, true, false));
        assert_eq!(both.with_moderation(true), both);
        assert_eq!(both.with_moderation(false), own);
    }
}
