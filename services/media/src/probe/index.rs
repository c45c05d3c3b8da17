//! Copies the index of MP4 and QuickTime files: one box, or one before each fragment.

use tokio::time::Instant;

use super::sparse_copy::{Copying, Error};
use crate::domain::boxes::{self, Header};

/// How much of a file's indexes is copied: of the one (`moov`), or of those of all
/// fragments.
const MAX_INDEX: u64 = 256 << 20;
/// The largest index of a fragment (`moof`).
const MAX_FRAGMENT_INDEX: u64 = 1 << 20;
/// How many top-level boxes are looked at.
const MAX_BOXES: usize = 4096;

/// An index in the copy.
pub struct Index {
    /// Of fragments: those of all.
    pub is_complete: bool,
}

impl Copying<'_> {
    /// None if the index is too large. Index and samples should end within the file, unless
    /// it is fragmented: a recording that breaks off ends within a fragment and can be
    /// played.
    pub async fn copy_index(&mut self, deadline: Instant) -> Result<Option<Index>, Error> {
        let (mut offset, mut copied, mut is_fragmented) = (0, 0, false);
        for _ in 0..MAX_BOXES {
            let remaining = self.size.saturating_sub(offset);
            let bytes = self.read(offset, boxes::MAX_HEADER).await?;
            let Some(header) = boxes::header(&bytes, remaining).filter(|h| !is_appended(*h, remaining)) else {
                return Ok(Some(Index { is_complete: true }));
            };
            is_fragmented |= header.kind == *b"moof";
            if header.size > remaining {
                let broke_off = Index { is_complete: true };
                return if is_fragmented { Ok(Some(broke_off)) } else { Err(Error::Truncated) };
            }
            let is_beyond = offset + header.size > self.head;
            if is_beyond && matches!(&header.kind, b"moov" | b"moof") {
                copied += header.size;
                let is_fragment = header.kind == *b"moof";
                let is_too_large = copied > MAX_INDEX || (is_fragment && header.size > MAX_FRAGMENT_INDEX);
                match is_fragment {
                    false if is_too_large => return Ok(None),
                    true if is_too_large || Instant::now() >= deadline => {
                        return Ok(Some(Index { is_complete: false }));
                    }
                    _ => self.fill(offset, header.size).await?,
                }
            }
            offset += header.size;
        }
        Ok(Some(Index { is_complete: !is_fragmented }))
    }
}

/// What some programs append to a file is no box that ends within it.
fn is_appended(header: Header, remaining: u64) -> bool {
    header.size > remaining && !matches!(&header.kind, b"moov" | b"moof" | b"mdat")
}
