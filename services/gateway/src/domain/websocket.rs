//! Where the frames of a WebSocket server end (RFC 6455, section 5.2).

/// A server's close frame with code 1012, service restart.
pub const RESTART: [u8; 4] = [0x88, 0x02, 0x03, 0xf4];

const RESERVED_BITS: u8 = 0x30;
const OPCODE: u8 = 0x0f;

/// Follows the frames that a server sends.
#[derive(Default)]
pub struct FrameScanner {
    header: Vec<u8>,
    /// Bytes of the frame's payload to come.
    payload: u64,
    /// After a close frame, or what is no frame of a server.
    has_ended: bool,
}

impl FrameScanner {
    /// Whether another frame may be sent.
    pub fn is_between_frames(&self) -> bool {
        !self.has_ended && self.header.is_empty() && self.payload == 0
    }

    pub fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.has_ended {
            if self.payload > 0 {
                let count = bytes.len().min(usize::try_from(self.payload).unwrap_or(usize::MAX));
                self.payload -= count as u64;
                bytes = &bytes[count..];
                continue;
            }
            self.header.push(bytes[0]);
            bytes = &bytes[1..];
            match self.header[..] {
                [first] => {
                    let may_continue = matches!(first & OPCODE, 0..=2 | 9 | 10);
                    self.has_ended = !may_continue || first & RESERVED_BITS != 0;
                }
                [_, length @ 0..=125] => self.begin_payload(length.into()),
                // Masked: not of a server.
                [_, 128..=255] => self.has_ended = true,
                [_, 126, a, b] => self.begin_payload(u16::from_be_bytes([a, b]).into()),
                [_, 127, ref length @ ..] if length.len() == 8 => {
                    let length = length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
                    self.begin_payload(length);
                }
                _ => {}
            }
        }
    }

    fn begin_payload(&mut self, length: u64) {
        self.header.clear();
        self.payload = length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_followed_however_they_are_split() {
        let mut bytes = vec![0x81, 2, b'h', b'i', 0x02, 126, 1, 0];
        bytes.extend([7; 256]);
        bytes.extend([0x80, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        bytes.extend(vec![7; 65_536]);
        bytes.extend([0x89, 0]);
        let ends = [0, 4, 264, bytes.len() - 2, bytes.len()];
        for step in [1, 3, 1000] {
            let mut scanner = FrameScanner::default();
            let mut position = 0;
            for piece in bytes.chunks(step) {
                scanner.advance(piece);
                position += piece.len();
                assert_eq!(scanner.is_between_frames(), ends.contains(&position), "{position} by {step}");
            }
        }
    }

    #[test]
    fn nothing_follows_a_close_frame_or_other_protocols() {
        for bytes in [&RESTART[..], b"{\"x\": 1}\n", &[0x81, 0x82, 0, 0, 0, 0, 1, 2]] {
            let mut scanner = FrameScanner::default();
            scanner.advance(bytes);
            assert!(!scanner.is_between_frames(), "{bytes:?}");
        }
    }
}
