//! A folder from before ADR 017, when an S3 server (s3s-fs 0.14) stood over it, opens
//! as it is.

use std::fs;

use fenz_testkit::eventually;

use crate::stores::{files, in_folder, read};

/// The names that it gave its files: `Zm…` is the bucket, `dX…` the key `uploads/1`.
const NOTES: [&str; 7] = [
    ".bucket-ZmVuenZpZGVv.object-dXBsb2Fkcy8x.metadata.json",
    ".bucket-ZmVuenZpZGVv.object-dXBsb2Fkcy8x.internal.json",
    // Of an upload that a crash left.
    ".upload-6c5c9dc5-76f6-4d5c-b3a5-3e33f5a7a9c4.json",
    ".upload_id-6c5c9dc5-76f6-4d5c-b3a5-3e33f5a7a9c4.part-1",
    ".upload_id-6c5c9dc5-76f6-4d5c-b3a5-3e33f5a7a9c4.part-12",
    ".bucket-ZmVuenZpZGVv.object-dXBsb2Fkcy8y.upload-6c5c9dc5-76f6-4d5c-b3a5-3e33f5a7a9c4.metadata.json",
    ".tmp.3.internal.part",
];

#[tokio::test]
async fn objects_stay_and_notes_go() {
    let folder = tempfile::tempdir().unwrap();
    let object = folder.path().join("fenzvideo/uploads/1");
    fs::create_dir_all(object.parent().unwrap()).unwrap();
    fs::write(&object, "0123456789").unwrap();
    for name in NOTES {
        fs::write(folder.path().join(name), "{}").unwrap();
    }
    // Not ours.
    let other = folder.path().join(".bucket-list.txt");
    fs::write(&other, "mine").unwrap();

    let store = in_folder(folder.path());
    assert_eq!(&read(&store, "uploads/1", 2, 9).await.unwrap()[..], b"23456789");
    eventually(async || {
        let mut left = files(folder.path());
        left.sort();
        left == [other.display().to_string(), object.display().to_string()]
    })
    .await;
    // Media aborts the upload that its row names.
    store.abort_multipart("uploads/2", "6c5c9dc5-76f6-4d5c-b3a5-3e33f5a7a9c4").await.unwrap();
    store.delete("uploads/2").await.unwrap();
    store.delete("uploads/1").await.unwrap();
    assert_eq!(files(folder.path()).len(), 1);
}
