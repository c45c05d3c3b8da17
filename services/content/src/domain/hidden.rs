//! Why a video is hidden: it keeps every reason, and is visible when none is
//! left.

/// A set of reasons, a bit for each: 1 moderation, 2 its owner is hidden, 4 its
/// channel is hidden, 8 its owner hid it.
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
}
