//! The top-level boxes of MP4 and QuickTime files (ISO/IEC 14496-12, 4.2).

/// The largest header of a box, in bytes.
pub const MAX_HEADER: u64 = 16;

/// A box's type, and its size including the header, as the box says it: the file may be
/// shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub kind: [u8; 4],
    pub size: u64,
}

/// Parses the header at the start of `bytes`, of which at most [`MAX_HEADER`] are
/// read. `remaining` is the number of bytes until the end of the file.
pub fn header(bytes: &[u8], remaining: u64) -> Option<Header> {
    let size: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    let kind: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
    let (size, min) = match u32::from_be_bytes(size) {
        // Until the end of the file.
        0 => (remaining, 8),
        // The size follows in 64 bits.
        1 => (u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?), 16),
        size => (u64::from(size), 8),
    };
    (size >= min).then_some(Header { kind, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_three_encodings_of_a_size() {
        let moov = |size| Some(Header { kind: *b"moov", size });
        assert_eq!(header(b"\0\0\0\x20moov\0\0\0\0\0\0\0\0", 100), moov(32));
        assert_eq!(header(b"\0\0\0\0moov", 100), moov(100));
        assert_eq!(header(b"\0\0\0\x01moov\0\0\0\0\0\0\0\x40", 100), moov(64));
    }

    #[test]
    fn rejects_impossible_sizes() {
        for bytes in [&b"\0\0\0\x07moov"[..], b"\0\0\0\x01moov\0\0\0\0\0\0\0\x08", b"\0\0", b"\0\0\0\x01moov"] {
            assert_eq!(header(bytes, 100), None);
        }
        assert_eq!(header(b"\0\0\0\x65moov", 100).unwrap().size, 101, "longer than the file");
    }
}
