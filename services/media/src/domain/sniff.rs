//! Detects a file's format from its first bytes; file names and declared types are
//! ignored.

use super::{ebml, upload::Kind};

/// How many bytes [`sniff`] needs.
pub const SNIFF_BYTES: usize = 4096;

/// An accepted format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Mp4,
    QuickTime,
    WebM,
    Matroska,
    Jpeg,
    Png,
    WebP,
}

impl Format {
    pub fn kind(self) -> Kind {
        match self {
            Self::Mp4 | Self::QuickTime | Self::WebM | Self::Matroska => Kind::Video,
            Self::Jpeg | Self::Png | Self::WebP => Kind::Image,
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::QuickTime => "video/quicktime",
            Self::WebM => "video/webm",
            Self::Matroska => "video/x-matroska",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }

    /// The format of a stored video.
    pub fn of_video(content_type: &str) -> Option<Self> {
        let videos = [Self::Mp4, Self::QuickTime, Self::WebM, Self::Matroska];
        videos.into_iter().find(|format| format.content_type() == content_type)
    }
}

/// None if the format is not accepted.
pub fn sniff(head: &[u8]) -> Option<Format> {
    if head.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return Some(Format::Jpeg);
    }
    if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(Format::Png);
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        return Some(Format::WebP);
    }
    ebml(head).or_else(|| iso_media(head))
}

/// Brands that browsers play as MP4 (ISO/IEC 14496-12, mp4ra.org).
const MP4_BRANDS: &[&[u8; 4]] = &[
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"mp41", b"mp42", b"mp71",
    b"avc1", b"hvc1", b"dash", b"msdh", b"MSNV", b"M4V ", b"M4VH", b"M4VP", b"f4v ", b"F4V ", b"mmp4", b"3gp4",
    b"3gp5", b"3gp6", b"XAVC", b"cmfc", b"cmf2",
];
/// Major brands of the same family for images, and for audio alone.
const IMAGES: &[&[u8; 4]] = &[
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis", b"crx ", b"jp2 ", b"jpx ",
];
const AUDIO: &[&[u8; 4]] = &[b"M4A ", b"M4B ", b"M4P "];

/// Whether it is an MP4 that says to be audio alone.
pub fn is_audio(head: &[u8]) -> bool {
    head.get(4..8) == Some(b"ftyp") && AUDIO.iter().any(|brand| head.get(8..12) == Some(&brand[..]))
}

fn iso_media(head: &[u8]) -> Option<Format> {
    let size: [u8; 4] = head.get(..4)?.try_into().ok()?;
    let kind: &[u8; 4] = head.get(4..8)?.try_into().ok()?;
    if kind == b"ftyp" {
        return brand(u32::from_be_bytes(size) as usize, head);
    }
    // QuickTime before `ftyp`. The box types are English words too: a size of
    // printable characters means a text file.
    let box_like = matches!(kind, b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot");
    let text_like = size.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~'));
    let length = u32::from_be_bytes(size);
    let sane = length >= 8 || (kind == b"mdat" && length < 2);
    (box_like && sane && !text_like).then_some(Format::QuickTime)
}

/// By the major brand, then by the compatible brands.
fn brand(size: usize, head: &[u8]) -> Option<Format> {
    let end = size.clamp(0, head.len());
    let major: &[u8; 4] = head.get(8..12)?.try_into().ok()?;
    if end < 12 || IMAGES.contains(&major) || AUDIO.contains(&major) {
        return None;
    }
    if major == b"qt  " {
        return Some(Format::QuickTime);
    }
    let compatible = head.get(16..end).unwrap_or_default().chunks_exact(4);
    let mp4 = std::iter::once(&major[..]).chain(compatible).any(|b| MP4_BRANDS.iter().any(|known| known[..] == *b));
    mp4.then_some(Format::Mp4)
}

const DOC_TYPE: u64 = 0x4282;

/// Parses the EBML header up to its `DocType`.
fn ebml(head: &[u8]) -> Option<Format> {
    if !head.starts_with(&ebml::HEADER) {
        return None;
    }
    let header = ebml::element(head, 0)?;
    let mut offset = usize::try_from(header.start).ok()?;
    loop {
        let element = ebml::element(head, offset)?;
        let (start, end) = (usize::try_from(element.start).ok()?, usize::try_from(element.end?).ok()?);
        if header.end.is_some_and(|header_end| end as u64 > header_end) {
            return None;
        }
        if element.id == DOC_TYPE {
            return match head.get(start..end)?.split(|b| *b == 0).next()? {
                b"webm" => Some(Format::WebM),
                b"matroska" => Some(Format::Matroska),
                _ => None,
            };
        }
        offset = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ftyp(major: &str, compatible: &[&str]) -> Vec<u8> {
        let size = 16 + 4 * compatible.len() as u32;
        let mut out = size.to_be_bytes().to_vec();
        out.extend(b"ftyp");
        out.extend(major.as_bytes());
        out.extend([0, 0, 2, 0]);
        out.extend(compatible.concat().bytes());
        out.extend(b"\0\0\0\x08free");
        out
    }

    fn ebml_header(doc_type: &str) -> Vec<u8> {
        let mut out = ebml::HEADER.to_vec();
        out.push(0x80 | (4 + 3 + doc_type.len() as u8));
        out.extend([0x42, 0x86, 0x81, 1]);
        out.extend([0x42, 0x82, 0x80 | doc_type.len() as u8]);
        out.extend(doc_type.bytes());
        out
    }

    #[test]
    fn detects_each_format() {
        let cases: Vec<(Vec<u8>, Option<Format>)> = vec![
            (ftyp("isom", &["isom", "iso2", "avc1", "mp41"]), Some(Format::Mp4)),
            (ftyp("mp42", &[]), Some(Format::Mp4)),
            (ftyp("ndsc", &["mp42"]), Some(Format::Mp4)),
            (ftyp("qt  ", &["qt  "]), Some(Format::QuickTime)),
            (ftyp("heic", &["mif1", "isom"]), None),
            (ftyp("avif", &["mif1", "miaf", "iso8"]), None),
            (ftyp("M4A ", &["isom", "mp42"]), None),
            (ftyp("zzzz", &["yyyy"]), None),
            (b"\0\0\0\x08wide\0\0\0\0mdat".to_vec(), Some(Format::QuickTime)),
            (b"\0\0\x12\x34moov".to_vec(), Some(Format::QuickTime)),
            (b"\0\0\0\x01mdat\0\0\0\0\x12\x34\x56\x78".to_vec(), Some(Format::QuickTime)),
            (b"get free stuff".to_vec(), None),
            (b"\0\0\0\x02free".to_vec(), None),
            (ebml_header("webm"), Some(Format::WebM)),
            (ebml_header("matroska"), Some(Format::Matroska)),
            (ebml_header("matroska\0\0"), Some(Format::Matroska)),
            (ebml_header("weba"), None),
            (ebml::HEADER.to_vec(), None),
            (vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 16], Some(Format::Jpeg)),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), Some(Format::Png)),
            (b"RIFF\x10\0\0\0WEBPVP8 ".to_vec(), Some(Format::WebP)),
            (b"RIFF\x10\0\0\0WAVEfmt ".to_vec(), None),
            (b"GIF89a".to_vec(), None),
            (b"just a text that is called video.mp4".to_vec(), None),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\">".to_vec(), None),
            (Vec::new(), None),
        ];
        for (head, expected) in cases {
            assert_eq!(sniff(&head), expected, "{:?}", String::from_utf8_lossy(&head));
        }
    }

    #[test]
    fn audio_is_named_as_such() {
        assert!(is_audio(&ftyp("M4A ", &["isom"])) && is_audio(&ftyp("M4B ", &[])));
        assert!(!is_audio(&ftyp("isom", &["M4A "])) && !is_audio(b"M4A ") && !is_audio(b""));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(head: Vec<u8>, tail: Vec<u8>) {
            sniff(&head);
            sniff(&[&ebml::HEADER[..], &tail].concat());
            sniff(&[&head[..head.len().min(4)], b"ftyp", &tail].concat());
        }
    }
}
