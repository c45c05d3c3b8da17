//! Files and forms to upload.

use std::{process::Command, sync::Arc, time::Duration};

use fenz_core::Random;
use futures::{StreamExt, stream};
use rand::Rng;
use reqwest::{
    Body,
    multipart::{Form, Part},
};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

/// The file that ffmpeg creates from the arguments.
pub fn ffmpeg(name: &str, arguments: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let status = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments.split(' ')).arg(&path).status();
    assert!(status.unwrap().success(), "ffmpeg did not create {name}");
    std::fs::read(&path).unwrap()
}

/// Files on the disk that ffmpeg reads.
pub struct Folder(tempfile::TempDir);

impl Default for Folder {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Folder {
    pub fn with(self, name: &str, bytes: &[u8]) -> Self {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
        self
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

/// An MP4 header followed by random bytes.
pub fn noise(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    Random::default().rng().fill_bytes(&mut bytes);
    let head = b"\0\0\0\x18ftypisom\0\0\0\0isommp41";
    bytes[..head.len()].copy_from_slice(head);
    bytes
}

pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", bytes::Bytes::copy_from_slice(&Sha256::digest(bytes)))
}

/// Sends the chunks of a file, one every `pause`.
pub fn slowly(bytes: &[u8], chunk: usize, pause: Duration) -> Form {
    let chunks: Vec<_> = bytes.chunks(chunk).map(<[u8]>::to_vec).collect();
    let slow = stream::iter(chunks).then(move |chunk| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::io::Error>(chunk)
    });
    Form::new().part("file", Part::stream(Body::wrap_stream(slow)))
}

/// A form without a length, whose second half is sent when notified.
pub fn halves(bytes: &[u8], resume: &Arc<Notify>) -> Form {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let (first, second, resume) = (first.to_vec(), second.to_vec(), resume.clone());
    let second = async move {
        resume.notified().await;
        Ok::<_, std::io::Error>(second)
    };
    let both = stream::once(async { Ok(first) }).chain(stream::once(second));
    Form::new().part("file", Part::stream(Body::wrap_stream(both)))
}
