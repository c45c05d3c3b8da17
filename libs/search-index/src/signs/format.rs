//! The file of a segment's signs.
//!
//! - Entries in order, in blocks. An entry is of one pair and of 32 documents at
//!   most. A block is the length of its headings in four bytes, the headings of
//!   its entries, and their places.
//! - Of each block its first pair and where it begins, eight bytes each.
//! - How long the head of each document is, a byte each; then their bodies.
//! - Eight bytes each: the signs of all heads, those of all bodies, the number of
//!   blocks, the number of documents.
//!
//! A heading is made of numbers:
//! - how far the pair is behind that of the entry before;
//! - twice the number of documents, and one more where some have the pair more
//!   than once;
//! - the first document;
//! - the bytes that the other documents take, and those that the positions take;
//! - only where the entry is full: in how many documents the pair is in all of its
//!   entries.
//!
//! The places are the other documents; where some have the pair more than once, a
//! byte for each document that says how often; then the positions of each document,
//! which begin with how many they are where that byte is 255. Signs alone have no
//! positions.
//!
//! Numbers are of seven bits to a byte, the lowest first; those in order are told
//! by the difference to the one before.

/// Entries of a block: few, since they are read one by one.
pub const BLOCK: usize = 64;

/// Documents of an entry; of a common pair those that nobody asks for are
/// skipped so many at a time.
pub const ENTRY: usize = 32;

/// More often than a byte can tell.
pub const OFTEN: u8 = u8::MAX;

/// Bytes that tell where a block is: its first pair and where it begins.
pub const BLOCK_PLACE: usize = 16;

/// Bytes at the end: signs of both parts, blocks, documents.
pub const ENDING: usize = 4 * 8;

pub fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The number at a place, which moves behind it; 0 behind the end, where only a
/// broken file leads.
pub fn pull(bytes: &[u8], at: &mut usize) -> u64 {
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

/// Moves a place behind so many numbers.
pub fn pass(bytes: &[u8], at: &mut usize, count: u64) {
    let mut left = count;
    while left > 0
        && let Some(byte) = bytes.get(*at)
    {
        *at += 1;
        left -= u64::from(*byte < 0x80);
    }
}
