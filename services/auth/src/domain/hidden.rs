//! The reasons why an account is hidden. It is visible when there is none.

/// A reason for hiding; the values are bits, the same as in channels and videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HiddenReason {
    Moderation = 1,
    /// Hidden by its owner.
    Own = 8,
}

/// A set of reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HiddenReasons(i32);

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

    pub fn has(self, reason: HiddenReason) -> bool {
        self.0 & reason as i32 != 0
    }

    #[must_use]
    pub fn with(self, reason: HiddenReason) -> Self {
        Self(self.0 | reason as i32)
    }

    #[must_use]
    pub fn without(self, reason: HiddenReason) -> Self {
        Self(self.0 & !(reason as i32))
    }

    /// The names in the contract.
    pub fn names(self) -> Vec<String> {
        let known = [(HiddenReason::Moderation, "moderation"), (HiddenReason::Own, "self")];
        known.into_iter().filter(|(reason, _)| self.has(*reason)).map(|(_, name)| name.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_one_reason_leaves_the_other() {
        let both = HiddenReasons::default().with(HiddenReason::Own).with(HiddenReason::Moderation);
        assert_eq!((both.bits(), both.names()), (9, vec!["moderation".to_owned(), "self".to_owned()]));
        let left = both.without(HiddenReason::Moderation);
        assert_eq!((left.names(), left.any()), (vec!["self".to_owned()], true));
        assert_eq!(left.without(HiddenReason::Moderation), left);
        assert!(!left.without(HiddenReason::Own).any());
    }
}
