//! The platform's store client against the in-process server.

use std::{net::SocketAddr, path::Path};

use bytes::{Bytes, BytesMut};
use fenz_object_store::{Error, ObjectStore, StoreSettings};
use fenz_s3_folder::{Server, Settings};
use futures::TryStreamExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

struct Store {
    client: ObjectStore,
    address: SocketAddr,
    settings: StoreSettings,
    folder: tempfile::TempDir,
    stop: CancellationToken,
}

async fn store() -> Store {
    fenz_chassis::prepare();
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let settings = StoreSettings {
        endpoint: format!("http://{address}"),
        access_key: "key".into(),
        secret_key: "secret".into(),
        ..StoreSettings::default()
    };
    let what = Settings {
        root: folder.path().to_owned(),
        bucket: settings.bucket.clone(),
        access_key: "key".to_owned(),
        secret_key: "secret".to_owned(),
    };
    let stop = CancellationToken::new();
    let server = Server::new(what, listener).expect("a usable folder");
    tokio::spawn(server.run(stop.clone()));
    Store { client: ObjectStore::new(&settings).expect("settings"), address, settings, folder, stop }
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|e| e.expect("an entry").path()).map(|p| if p.is_dir() { files(&p) } else { 1 }).sum()
}

async fn read(client: &ObjectStore, key: &str, first: u64, last: u64) -> Bytes {
    let chunks = client.get_range(key, first, last).await.expect("an object");
    chunks.try_collect::<BytesMut>().await.expect("its bytes").freeze()
}

#[tokio::test]
async fn small_objects_come_back_and_go_without_a_trace() {
    let store = store().await;
    let client = &store.client;
    client.probe().await.expect("it answers");
    client.put("uploads/1", b"0123456789", "text/plain").await.expect("put");
    assert!(client.exists("uploads/1").await.expect("head"));
    assert_eq!(&client.read("uploads/1", 2, 4).await.expect("a range")[..], b"234");
    assert_eq!(&read(client, "uploads/1", 0, 9).await[..], b"0123456789");
    assert_eq!(&read(client, "uploads/1", 7, 9).await[..], b"789");
    client.delete("uploads/1").await.expect("deleted");
    client.delete("uploads/1").await.expect("deleting again is no error");
    assert!(!client.exists("uploads/1").await.expect("head"));
    assert!(matches!(client.get_range("uploads/1", 0, 1).await, Err(Error::NotFound)));
    assert_eq!(files(store.folder.path()), 0);
}

#[tokio::test]
async fn parts_become_one_object_or_nothing() {
    let store = store().await;
    let client = &store.client;
    let parts: Vec<Bytes> = (1..=3u8).map(|n| vec![n; (5 << 20) + usize::from(n)].into()).collect();
    let id = client.start_multipart("uploads/2", "video/mp4").await.expect("started");
    let mut sent = Vec::new();
    for (number, part) in (1..).zip(&parts) {
        sent.push(client.put_part("uploads/2", &id, number, part).await.expect("a part"));
    }
    client.complete_multipart("uploads/2", &id, &sent).await.expect("completed");
    let whole = parts.concat();
    assert!(read(client, "uploads/2", 0, whole.len() as u64 - 1).await == whole);
    assert!(read(client, "uploads/2", 5 << 20, 11 << 20).await == whole[5 << 20..=11 << 20]);
    client.delete("uploads/2").await.expect("deleted");

    let id = client.start_multipart("uploads/3", "video/mp4").await.expect("started");
    client.put_part("uploads/3", &id, 1, &parts[0]).await.expect("a part");
    client.abort_multipart("uploads/3", &id).await.expect("aborted");
    client.abort_multipart("uploads/3", &id).await.expect("aborting again is no error");
    assert_eq!(files(store.folder.path()), 0);
}

#[tokio::test]
async fn wrong_keys_and_a_store_that_is_away_are_told_apart() {
    let store = store().await;
    let wrong = StoreSettings { secret_key: "other".into(), ..store.settings.clone() };
    let stranger = ObjectStore::new(&wrong).expect("settings");
    assert!(matches!(stranger.put("uploads/4", b"x", "text/plain").await, Err(Error::Refused(_))));
    assert!(stranger.probe().await.is_err());
    store.stop.cancel();
    while TcpStream::connect(store.address).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let fresh = ObjectStore::new(&store.settings).expect("settings");
    assert!(matches!(fresh.put("uploads/4", b"x", "text/plain").await, Err(Error::Unreachable(_))));
    let nowhere = StoreSettings { endpoint: "nowhere".to_owned(), ..StoreSettings::default() };
    assert!(matches!(ObjectStore::new(&nowhere), Err(Error::Settings(_))));
}
