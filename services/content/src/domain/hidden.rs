//! Why a video is hidden: a bit set of reasons; it is visible when none is set.

/// 1: moderation, 8: hidden by its owner; 2 and 4 are unused. A hidden channel is
/// not among them: that is stored with the channel.
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

    /// Sets or clears the moderation bit.
    #[must_use]
    pub fn with_moderation(self, moderated: bool) -> Self {
        Self(if moderated { self.0 | Self::MODERATION } else { self.0 & !Self::MODERATION })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moderation_keeps_other_reasons() {
        let own = HiddenReasons::from_bits(8);
        let both = own.with_moderation(true);
        assert_eq!((both.bits(), both.moderated(), own.moderated()), (9, true, false));
        assert_eq!(both.with_moderation(true), both);
        assert_eq!(both.with_moderation(false), own);
    }
}
