//! The file format of a segment's bigrams.
//!
//! - Entries in order, in blocks. An entry has one bigram and at most 32 of its
//!   documents. A block is the length of its headers in four bytes, the headers
//!   of its entries, and their postings.
//! - The block index: the first bigram and the offset of each block, eight bytes
//!   each.
//! - The field norm of each document's head, a byte each; then of the bodies.
//! - The footer, eight bytes each: the characters of all heads, those of all
//!   bodies, the number of blocks, the number of documents.
//!
//! A header is made of varints:
//! - the difference to the bigram of the entry before;
//! - twice the number of documents, plus one if one of them has the bigram more
//!   than once;
//! - the first document;
//! - the bytes of the other documents, and those of the positions;
//! - only if the entry is full: the number of documents in all entries of the
//!   bigram.
//!
//! Postings are the other documents; if one of them has the bigram more than
//! once, a byte for each document with its term frequency; then the positions of
//! each document, preceded by their number where that byte is 255. Unigrams have
//! no positions.
//!
//! Varints are LEB128; ascending numbers are delta-encoded.

/// Few, since the headers of a block are read sequentially.
pub const ENTRIES_PER_BLOCK: usize = 64;

/// A seek skips whole entries of a common bigram.
pub const DOCS_PER_ENTRY: usize = 32;

/// A term frequency that does not fit into its byte.
pub const FREQ_OVERFLOW: u8 = u8::MAX;

/// A bigram and an offset.
pub const BLOCK_INDEX_ENTRY_BYTES: usize = 16;

pub const FOOTER_BYTES: usize = 4 * 8;

pub fn write_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads the number at an offset and moves the offset past it; 0 after the end,
/// which only a corrupt file refers to.
pub fn read_varint(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut number, mut shift) = (0, 0);
    while let Some(byte) = bytes.get(*at) {
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            break;
        }
        shift = (shift + 7).min(63);
    }
    number
}

pub fn skip_varints(bytes: &[u8], at: &mut usize, count: u64) {
    let mut left = count;
    while left > 0
        && let Some(byte) = bytes.get(*at)
    {
        *at += 1;
        left -= u64::from(*byte < 0x80);
    }
}
