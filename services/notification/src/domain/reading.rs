//! What a user has read: everything up to a watermark, and exceptions above it.

use super::{Kinds, Seq};

/// A user as a reader. One who has never changed anything has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// All up to here is read.
    pub watermark: Seq,
    pub wanted: Kinds,
    /// Grows with each change of what the user is told or has read.
    pub version: i64,
}

impl Default for Reader {
    fn default() -> Self {
        Self { watermark: 0, wanted: Kinds::ALL, version: 0 }
    }
}

impl Reader {
    /// Whether a place is read, given whether it is among the exceptions.
    pub fn has_read(&self, seq: Seq, is_exception: bool) -> bool {
        seq <= self.watermark || is_exception
    }
}
