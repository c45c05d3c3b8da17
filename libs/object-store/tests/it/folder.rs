//! What is particular to a folder.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use fenz_object_store::{Error, ObjectStore, StoreSettings};
use fenz_testkit::eventually;
use futures::StreamExt;

use crate::stores::{bytes, files, in_folder, read, settings_of};

#[tokio::test]
async fn keys_cannot_leave_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::write(&outside, "secret").unwrap();
    let root = folder.path().join("objects");
    let store = in_folder(&root);
    for key in
        ["", "/", "..", "../outside", "../../outside", "a/../../../outside", "a//b", "/etc/passwd", "./a", "a\0b"]
    {
        assert!(matches!(store.put(key, &bytes(b"x"), "a/b").await, Err(Error::Refused(400))), "{key:?}");
        assert!(matches!(read(&store, key, 0, 9).await, Err(Error::Refused(400))), "{key:?}");
        assert!(matches!(store.delete(key).await, Err(Error::Refused(400))), "{key:?}");
        assert!(matches!(store.exists(key).await, Err(Error::Refused(400))), "{key:?}");
    }
    for id in ["../../outside", "..", "", "/etc/passwd"] {
        assert!(matches!(store.put_part("a", id, 1, 0, &bytes(b"x")).await, Err(Error::NotFound)), "{id:?}");
        store.abort_multipart("a", id).await.unwrap();
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), "secret");
    assert_eq!(files(&root), Vec::<String>::new());
}

#[tokio::test]
async fn parts_that_make_no_whole_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = in_folder(folder.path());
    let id = store.start_multipart("a", "a/b").await.unwrap();
    assert!(matches!(store.complete_multipart("a", &id, &[]).await, Err(Error::Refused(400))));
    let first = store.put_part("a", &id, 1, 0, &bytes(b"0123")).await.unwrap();
    let third = store.put_part("a", &id, 3, 8, &bytes(b"89")).await.unwrap();
    for parts in [vec![first.clone()], vec![first.clone(), third.clone()], vec![third.clone()]] {
        assert!(matches!(store.complete_multipart("a", &id, &parts).await, Err(Error::Refused(400))), "{parts:?}");
    }
    assert!(!store.exists("a").await.unwrap());
    let second = store.put_part("a", &id, 2, 4, &bytes(b"4567")).await.unwrap();
    store.complete_multipart("a", &id, &[first, second, third]).await.unwrap();
    assert_eq!(&read(&store, "a", 0, 9).await.unwrap()[..], b"0123456789");
}

#[tokio::test]
async fn large_objects_are_read_in_pieces_until_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = in_folder(folder.path());
    let whole: Bytes = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    store.put("a", &whole, "a/b").await.unwrap();
    for (first, last) in [(0, 999_999), (1, 262_144), (262_144, 524_287), (999_998, 5_000_000)] {
        let end = (last as usize).min(999_999);
        assert!(read(&store, "a", first, last).await.unwrap() == whole[first as usize..=end], "{first}-{last}");
    }
    // A reader goes on with what it began to read.
    let mut chunks = store.get_range("a", 0, 999_999).await.unwrap();
    let mut got = chunks.next().await.unwrap().unwrap().to_vec();
    store.put("a", &bytes(b"another"), "a/b").await.unwrap();
    store.delete("a").await.unwrap();
    while let Some(chunk) = chunks.next().await {
        got.extend(chunk.unwrap());
    }
    assert!(got == whole);
}

/// A disk that is not mounted has no objects; they are not lost, and what is to be
/// deleted is not gone.
#[tokio::test]
async fn a_folder_that_is_away_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let (root, away) = (folder.path().join("objects"), folder.path().join("away"));
    let store = in_folder(&root);
    store.put("a/b", &bytes(b"0123"), "a/b").await.unwrap();
    fs::rename(&root, &away).unwrap();
    for there in [false, true] {
        if there {
            fs::create_dir(&root).unwrap();
        }
        assert!(matches!(store.probe().await, Err(Error::Unavailable(_))));
        assert!(matches!(store.put("a/c", &bytes(b"x"), "a/b").await, Err(Error::Unavailable(_))));
        assert!(matches!(store.start_multipart("a/c", "a/b").await, Err(Error::Unavailable(_))));
        assert!(matches!(read(&store, "a/b", 0, 3).await, Err(Error::Unavailable(_))));
        assert!(matches!(store.exists("a/b").await, Err(Error::Unavailable(_))));
        assert!(matches!(store.delete("a/b").await, Err(Error::Unavailable(_))));
    }
    fs::remove_dir(&root).unwrap();
    fs::rename(&away, &root).unwrap();
    assert_eq!(&read(&store, "a/b", 0, 3).await.unwrap()[..], b"0123");
    store.probe().await.unwrap();
}

#[tokio::test]
async fn incomplete_uploads_of_long_ago_are_removed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = in_folder(folder.path());
    let (old, new) =
        (store.start_multipart("a", "a/b").await.unwrap(), store.start_multipart("b", "a/b").await.unwrap());
    let part = store.put_part("b", &new, 1, 0, &bytes(b"new")).await.unwrap();
    let path = folder.path().join("incoming").join(&old);
    let file = fs::File::options().write(true).open(&path).unwrap();
    let now: SystemTime = fenz_core::Clock::default().now().into();
    file.set_modified(now - Duration::from_secs(3 * 24 * 3600)).unwrap();
    let store = in_folder(folder.path());
    eventually(async || !path.exists()).await;
    store.complete_multipart("b", &new, &[part]).await.unwrap();
    assert_eq!(&read(&store, "b", 0, 2).await.unwrap()[..], b"new");
}

#[tokio::test]
async fn a_store_is_either_a_folder_or_an_s3() {
    let refused = |settings: &StoreSettings| match ObjectStore::new(settings) {
        Err(Error::Settings(text)) => text,
        _ => panic!("{settings:?} is accepted"),
    };
    let folder = tempfile::tempdir().unwrap();
    let both = StoreSettings { endpoint: "http://127.0.0.1:1".into(), ..settings_of(folder.path()) };
    for settings in [StoreSettings::default(), both] {
        let text = refused(&settings);
        assert!(text.contains("FENZ_STORE__ENDPOINT") && text.contains("FENZ_STORE__FOLDER"), "{text}");
    }
    // Mistyped, or its disk is not mounted.
    let text = refused(&settings_of(&folder.path().join("not/there")));
    assert!(text.contains("not/there"), "{text}");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(refused(&settings_of(&file)).contains("file"));
}
