//! What every store does. To be passed by a new implementation as it is.

use bytes::Bytes;
use fenz_object_store::{Error, ObjectStore, Part};
use futures::future::try_join_all;

use crate::stores::{bytes, key, on_each, read};

#[tokio::test]
async fn small_objects_come_back_and_go() {
    on_each(async |store| {
        let key = key();
        store.probe().await.unwrap();
        assert!(!store.exists(&key).await.unwrap());
        store.put(&key, &bytes(b"0123456789"), "text/plain").await.unwrap();
        assert!(store.exists(&key).await.unwrap());
        assert_eq!(&store.read(&key, 2, 4).await.unwrap()[..], b"234");
        assert_eq!(&read(&store, &key, 0, 9).await.unwrap()[..], b"0123456789");
        assert_eq!(&read(&store, &key, 9, 9).await.unwrap()[..], b"9");
        store.put(&key, &bytes(b"another"), "text/plain").await.unwrap();
        assert_eq!(&read(&store, &key, 0, 6).await.unwrap()[..], b"another");
        store.delete(&key).await.unwrap();
        store.delete(&key).await.expect("deleting again is no error");
        assert!(!store.exists(&key).await.unwrap());
        assert!(matches!(read(&store, &key, 0, 1).await, Err(Error::NotFound)));
        assert!(matches!(store.read(&key, 0, 1).await, Err(Error::NotFound)));
    })
    .await;
}

#[tokio::test]
async fn a_range_ends_with_the_object() {
    on_each(async |store| {
        let key = key();
        store.put(&key, &bytes(b"0123456789"), "text/plain").await.unwrap();
        assert_eq!(&read(&store, &key, 7, 100).await.unwrap()[..], b"789");
        assert_eq!(&store.read(&key, 7, 100).await.unwrap()[..], b"789");
        assert!(matches!(read(&store, &key, 10, 11).await, Err(Error::Refused(416))));
        assert!(matches!(store.read(&key, 10, 11).await, Err(Error::Refused(416))));
        store.delete(&key).await.unwrap();
    })
    .await;
}

/// Parts of different sizes, and where each begins.
fn parts() -> Vec<(u64, Bytes)> {
    let mut offset = 0;
    let part = |n: u8| {
        let part = (offset, Bytes::from(vec![n; (5 << 20) + usize::from(n)]));
        offset += part.1.len() as u64;
        part
    };
    (1..=3).map(part).collect()
}

async fn send(store: &ObjectStore, key: &str, id: &str, order: &[usize]) -> Vec<Part> {
    let parts = parts();
    let sent = order.iter().map(async |&n| {
        let (offset, bytes) = &parts[n];
        store.put_part(key, id, n as u32 + 1, *offset, bytes).await
    });
    try_join_all(sent).await.unwrap()
}

#[tokio::test]
async fn parts_become_one_object() {
    on_each(async |store| {
        let key = key();
        let whole: Vec<u8> = parts().iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
        let last = whole.len() as u64 - 1;
        let id = store.start_multipart(&key, "video/mp4").await.unwrap();
        // At the same time, in any order, and one of them again.
        let sent = send(&store, &key, &id, &[2, 0, 1, 0]).await;
        assert!(!store.exists(&key).await.unwrap(), "not before it is whole");
        let in_order = [sent[1].clone(), sent[2].clone(), sent[0].clone()];
        store.complete_multipart(&key, &id, &in_order).await.unwrap();
        assert!(read(&store, &key, 0, last).await.unwrap() == whole);
        assert!(read(&store, &key, 5 << 20, 11 << 20).await.unwrap() == whole[5 << 20..=11 << 20]);
        store.abort_multipart(&key, &id).await.expect("nothing to abort is no error");
        assert!(read(&store, &key, 0, last).await.unwrap() == whole);
        store.delete(&key).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_aborted_upload_is_gone() {
    on_each(async |store| {
        let key = key();
        let id = store.start_multipart(&key, "video/mp4").await.unwrap();
        let sent = send(&store, &key, &id, &[0]).await;
        store.abort_multipart(&key, &id).await.unwrap();
        store.abort_multipart(&key, &id).await.expect("aborting again is no error");
        assert!(matches!(store.complete_multipart(&key, &id, &sent).await, Err(Error::NotFound)));
        assert!(matches!(store.put_part(&key, &id, 1, 0, &bytes(b"late")).await, Err(Error::NotFound)));
        assert!(!store.exists(&key).await.unwrap());
        // Another store's.
        store.abort_multipart(&key, "6c5c9dc5-76f6-4d5c-b3a5-3e33f5a7a9c4").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn uploads_of_the_same_key_do_not_mix() {
    on_each(async |store| {
        let key = key();
        let ids =
            [store.start_multipart(&key, "a/b").await.unwrap(), store.start_multipart(&key, "a/b").await.unwrap()];
        let mut sent = Vec::new();
        for (id, text) in ids.iter().zip([b"first ", b"second"]) {
            sent.push(store.put_part(&key, id, 1, 0, &bytes(text)).await.unwrap());
        }
        for (n, text) in [(1, b"second"), (0, b"first ")] {
            store.complete_multipart(&key, &ids[n], &sent[n..=n]).await.unwrap();
            assert_eq!(&read(&store, &key, 0, 100).await.unwrap()[..], text);
        }
        store.delete(&key).await.unwrap();
    })
    .await;
}
