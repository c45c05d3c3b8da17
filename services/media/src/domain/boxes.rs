//! The top-level boxes of MP4 and QuickTime files (ISO/IEC 14496-12, 4.2).

/// How many bytes of a box tell its kind and size.
pub const HEADER: u64 = 16;

/// A box's name and how many bytes it takes, header included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub kind: [u8; 4],
    pub size: u64,
}

/// Reads the header of the box at the start of `bytes`, of which up to
/// [`HEADER`] are looked at. `left` is what the file still has from here on.
pub fn header(bytes: &[u8], left: u64) -> Option<Header> {
    let size: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    let kind: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
    let (size, least) = match u32::from_be_bytes(size) {
        // To the end of the file.
        0 => (left, 8),
        // The size follows in 64 bits.
        1 => (u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?), 16),
        size => (u64::from(size), 8),
    };
    (size >= least && size <= left).then_some(Header { kind, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_forms_of_a_size() {
        let moov = |size| Some(Header { kind: *b"moov", size });
        assert_eq!(header(b"\0\0\0\x20moov\0\0\0\0\0\0\0\0", 100), moov(32));
        assert_eq!(header(b"\0\0\0\0moov", 100), moov(100));
        assert_eq!(header(b"\0\0\0\x01moov\0\0\0\0\0\0\0\x40", 100), moov(64));
    }

    #[test]
    fn refuses_sizes_that_cannot_be() {
        for bytes in
            [&b"\0\0\0\x07moov"[..], b"\0\0\0\x65moov", b"\0\0\0\x01moov\0\0\0\0\0\0\0\x08", b"\0\0", b"\0\0\0\x01moov"]
        {
            assert_eq!(header(bytes, 100), None);
        }
    }
}
