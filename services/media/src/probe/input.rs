//! What ffprobe and ffmpeg may open of an untrusted file.

use std::path::Path;

use tokio::process::Command;

/// The decoders of the tracks that are played. Others stay closed, whatever a file asks for:
/// ffmpeg has hundreds, and the rare ones have the open vulnerabilities (CVE-2026-8461).
const PLAYED: &str = "h264,hevc,vp8,vp9,libdav1d,mpeg4,mpeg2video,prores,\
    aac,mp3float,opus,vorbis,flac,alac,ac3,eac3,pcm_s16le,pcm_s24le";
/// Of subtitles and cover pictures.
const BESIDE: &str = "mov_text,srt,subrip,ass,ssa,webvtt,dvdsub,pgssub,mjpeg,png";

/// ffmpeg's names of the codecs of the video decoders.
const VIDEO_CODECS: &[&str] = &["h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "prores"];

/// Decoders that a program may open.
#[derive(Clone, Copy, Debug)]
pub enum Decoders {
    /// Of video and audio tracks.
    Played,
    /// Those of subtitles and cover pictures too: ffprobe opens a decoder for every track
    /// and fails where it may not. It decodes no subtitles.
    PlayedAndBeside,
}

impl Decoders {
    fn names(self) -> String {
        match self {
            Self::Played => PLAYED.to_owned(),
            Self::PlayedAndBeside => format!("{PLAYED},{BESIDE}"),
        }
    }
}

/// Whether a video track may be decoded.
pub fn is_decodable(codec: &str) -> bool {
    VIDEO_CODECS.contains(&codec)
}

/// Adds the file as input, and its limits before it.
pub fn add(command: &mut Command, file: &Path, demuxer: &str, decoders: Decoders) {
    command.args(["-protocol_whitelist", "file", "-format_whitelist", demuxer, "-f", demuxer]);
    command.args(["-codec_whitelist", &decoders.names(), "-max_streams", "32"]);
    // 8192 by 8192; a frame of so many takes 100 MB.
    command.args(["-max_pixels", "67108864", "-i"]).arg(url(file));
}

fn url(file: &Path) -> std::ffi::OsString {
    let mut url = std::ffi::OsString::from("file:");
    url.push(file);
    url
}
