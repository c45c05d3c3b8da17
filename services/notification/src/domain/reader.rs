//! A user's read state: everything up to a watermark, and single notifications above it.

use super::{KindSet, Seq};

/// A user's read state and settings. The default is that of a user without a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Everything up to this position is read.
    pub watermark: Seq,
    pub enabled: KindSet,
    /// Incremented with each change of what the user receives or has read.
    pub version: i64,
}

impl Default for Reader {
    fn default() -> Self {
        Self { watermark: 0, enabled: KindSet::ALL, version: 0 }
    }
}
