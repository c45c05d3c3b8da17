//! EBML (RFC 8794), as far as Matroska and WebM begin with it.

/// The id of the header, which every file begins with.
pub const HEADER: [u8; 4] = [0x1A, 0x45, 0xDF, 0xA3];
/// Of the element that has the rest of the file (RFC 9559, 5.1).
pub const SEGMENT: u64 = 0x1853_8067;

pub const CLUSTER: u64 = 0x1F43_B675;
/// What a cluster begins with.
const TIMESTAMP: u64 = 0xE7;
/// Where a checksum does not come first.
const CRC_32: u64 = 0xBF;

/// The largest id and size of an element, in bytes.
pub const MAX_ELEMENT_HEADER: u64 = 16;

/// An element's id, and where its content begins and ends. `end` is none where its
/// size is unknown, as in a live recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    pub id: u64,
    pub start: u64,
    pub end: Option<u64>,
}

/// The element at an offset of `bytes`.
pub fn element(bytes: &[u8], offset: usize) -> Option<Element> {
    let (id, id_length) = vint(bytes.get(offset..)?, true)?;
    let size_at = offset + id_length;
    let (size, size_length) = vint(bytes.get(size_at..)?, false)?;
    let start = (size_at + size_length) as u64;
    let is_unknown = size == (1 << (7 * size_length)) - 1;
    Some(Element { id, start, end: if is_unknown { None } else { Some(start.checked_add(size)?) } })
}

/// Where a file should end that begins with these bytes. None if it does not say.
pub fn segment_end(head: &[u8]) -> Option<u64> {
    let header = element(head, 0).filter(|_| head.starts_with(&HEADER))?;
    let segment = element(head, usize::try_from(header.end?).ok()?)?;
    segment.end.filter(|_| segment.id == SEGMENT)
}

/// The offset of the first cluster in a file that begins with these bytes.
pub fn first_cluster(head: &[u8]) -> Option<usize> {
    let header = element(head, 0).filter(|_| head.starts_with(&HEADER))?;
    let segment = element(head, usize::try_from(header.end?).ok()?).filter(|element| element.id == SEGMENT)?;
    let mut offset = usize::try_from(segment.start).ok()?;
    loop {
        let next = element(head, offset)?;
        if next.id == CLUSTER {
            return Some(offset);
        }
        offset = usize::try_from(next.end?).ok()?;
    }
}

/// The offset of the first cluster in a piece of a file. What it begins with tells it from
/// the same bytes within a frame.
pub fn find_cluster(bytes: &[u8]) -> Option<usize> {
    let id = &CLUSTER.to_be_bytes()[4..];
    let is_cluster = |offset: &usize| {
        let start = element(bytes, *offset).and_then(|cluster| usize::try_from(cluster.start).ok());
        start.and_then(|start| element(bytes, start)).is_some_and(|first| matches!(first.id, TIMESTAMP | CRC_32))
    };
    bytes.windows(id.len()).enumerate().filter(|(_, window)| *window == id).map(|(offset, _)| offset).find(is_cluster)
}

/// A variable-length integer and its length in bytes; ids keep the length marker.
fn vint(bytes: &[u8], keep_marker: bool) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    let (first, rest) = bytes.get(..length).filter(|_| length <= 8)?.split_first()?;
    let first = if keep_marker { u64::from(*first) } else { u64::from(*first) & ((1 << (8 - length)) - 1) };
    Some((rest.iter().fold(first, |value, b| (value << 8) | u64::from(*b)), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(segment: &[u8]) -> Vec<u8> {
        [&HEADER[..], b"\x83abc", segment].concat()
    }

    #[test]
    fn a_file_says_where_it_ends_unless_it_is_a_recording() {
        assert_eq!(segment_end(&file(b"\x18\x53\x80\x67\x85")), Some(13 + 5));
        assert_eq!(segment_end(&file(b"\x18\x53\x80\x67\x01\0\0\0\0\0\x01\0")), Some(20 + 256));
        assert_eq!(segment_end(&file(b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff")), None);
        assert_eq!(segment_end(&file(b"\x18\x53\x80\x67\xff")), None);
        assert_eq!(segment_end(&file(b"\x18\x53\x80\x68\x85")), None, "not a segment");
        assert_eq!(segment_end(&file(b"\x18\x53\x80")), None);
        assert_eq!(segment_end(b"\0\0\0\x18ftypisom"), None);
    }

    #[test]
    fn clusters_are_found_from_the_start_and_from_within() {
        let clusters = b"\x1f\x43\xb6\x75\xff\xe7\x81\0rest";
        let recording = file(&[&b"\x18\x53\x80\x67\xff\xec\x82ab"[..], clusters].concat());
        let start = recording.len() - clusters.len();
        assert_eq!(first_cluster(&recording), Some(start));
        let within_a_frame = [b"\x1f\x43\xb6\x75\xff\xe8\x81\0", &recording[5..]].concat();
        assert_eq!(find_cluster(&within_a_frame), Some(8 + start - 5));
        assert_eq!(find_cluster(b"..\x1f\x43\xb6\x75\x2c\xc0\xc6\xbf\x84"), Some(2), "with a checksum");
        assert_eq!((first_cluster(&recording[..start]), find_cluster(&recording[..start])), (None, None));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(head: Vec<u8>, offset: u8) {
            element(&head, offset.into());
            segment_end(&[&HEADER[..], &head].concat());
            first_cluster(&[&HEADER[..], &head].concat());
            find_cluster(&[&head[..], b"\x1f\x43\xb6\x75", &head].concat());
        }
    }
}
