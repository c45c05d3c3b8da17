//! Files to upload.

use std::{path::PathBuf, process::Command, sync::OnceLock};

use rand::RngExt;
use sha2::{Digest, Sha256};

fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path().to_owned())
}

/// The file that ffmpeg creates from the arguments.
pub fn ffmpeg(name: &str, arguments: &str) -> Vec<u8> {
    // Unique, because tests run concurrently.
    let path = folder().join(format!("{:016x}-{name}", rand::random::<u64>()));
    let status = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments.split(' ')).arg(&path).status();
    assert!(status.unwrap().success(), "ffmpeg did not create {name}");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    bytes
}

pub fn mp4() -> Vec<u8> {
    ffmpeg("a.mp4", "-f lavfi -i testsrc=s=320x240:d=3:r=25 -c:v libx264 -pix_fmt yuv420p")
}

pub fn png() -> Vec<u8> {
    ffmpeg("a.png", "-f lavfi -i testsrc=s=64x48 -frames:v 1")
}

/// An MP4 header followed by random bytes.
pub fn noise(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    rand::rng().fill(&mut bytes[..]);
    let head = b"\0\0\0\x18ftypisom\0\0\0\0isommp41";
    bytes[..head.len()].copy_from_slice(head);
    bytes
}

pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", bytes::Bytes::copy_from_slice(&Sha256::digest(bytes)))
}
