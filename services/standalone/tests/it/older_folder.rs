//! A data folder from before ADR 017, when an S3 server (s3s-fs 0.14) stood over its
//! objects, starts and plays as it is.

use std::{fs, io::Write};

use fenz_testkit::eventually;
use reqwest::Method;

use crate::{
    platform::Platform,
    videos::{path, publish, video},
};

/// What that server left beside the objects: notes on one, and parts of a broken upload.
const LEFT: [&str; 6] = [
    ".bucket-ZmVuenZpZGVv.object-dXBsb2Fkcy8x.metadata.json",
    ".bucket-ZmVuenZpZGVv.object-dXBsb2Fkcy8x.internal.json",
    ".upload-6c5c9dc5-76f6-4d5c-b3a5-3e33f5a7a9c4.json",
    ".upload_id-6c5c9dc5-76f6-4d5c-b3a5-3e33f5a7a9c4.part-1",
    ".bucket-ZmVuenZpZGVv.object-dXBsb2Fkcy8y.upload-6c5c9dc5-76f6-4d5c-b3a5-3e33f5a7a9c4.metadata.json",
    ".tmp.3.internal.part",
];

#[tokio::test(flavor = "multi_thread")]
async fn starts_plays_and_has_no_leftovers() {
    let mut platform = Platform::standalone(&[]).await;
    let creator = platform.register("creator").await;
    let made = publish(&creator, "From before").await;
    platform.programs[0].terminate().await;
    let stored = platform.objects();

    let data = platform.folder.path().join("data");
    fs::remove_dir(data.join("objects/incoming")).unwrap();
    for name in LEFT {
        fs::write(data.join("objects").join(name), "{}").unwrap();
    }
    let mut keys = fs::File::options().append(true).open(data.join("keys.env")).unwrap();
    keys.write_all(b"FENZ_STORE__ACCESS_KEY=5d1f\nFENZ_STORE__SECRET_KEY=7a3c\n").unwrap();

    platform.start_again().await;
    let found = creator.get(&path(&made)).await.ok("video");
    let playback = platform.client.request(Method::GET, found["playbackUrl"].as_str().unwrap());
    let played = playback.send().await.unwrap().bytes().await.unwrap();
    assert!(played == video(), "{} bytes", played.len());
    eventually(async || platform.objects() == stored).await;
}
