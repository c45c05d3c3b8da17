//! What is known of a file's content.

use bytes::Bytes;

/// The result of probing a file; 0 or none where unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaInfo {
    pub duration_seconds: i32,
    /// In pixels, as displayed: a rotation is applied.
    pub width: i32,
    pub height: i32,
    /// ffmpeg's name of the codec, e.g. `h264`.
    pub video_codec: Option<String>,
    pub audio_codec: Option<String>,
    /// A frame of a video, as JPEG.
    pub poster: Option<Bytes>,
}

impl MediaInfo {
    /// Reads an image's size from the file's first bytes.
    pub fn of_image(prefix: &[u8]) -> Self {
        let pixels = |n: usize| i32::try_from(n).unwrap_or(0);
        imagesize::blob_size(prefix).map_or_else(
            |_| Self::default(),
            |size| Self { width: pixels(size.width), height: pixels(size.height), ..Self::default() },
        )
    }
}
