//! The stores that tests run on.

use std::path::Path;

use bytes::{Bytes, BytesMut};
use fenz_object_store::{Error, ObjectStore, StoreSettings};
use futures::TryStreamExt;

/// Runs a test on a folder, and on an S3 where there is one.
pub async fn on_each<F: Future<Output = ()>>(test: impl Fn(ObjectStore) -> F) {
    fenz_chassis::prepare();
    let folder = tempfile::tempdir().unwrap();
    println!("on a folder");
    test(in_folder(folder.path())).await;
    assert_eq!(files(folder.path()), Vec::<String>::new(), "left behind");
    if let Some(settings) = s3() {
        println!("on an S3");
        test(ObjectStore::new(&settings).unwrap()).await;
    }
}

pub fn in_folder(folder: &Path) -> ObjectStore {
    ObjectStore::new(&settings_of(folder)).unwrap()
}

pub fn settings_of(folder: &Path) -> StoreSettings {
    StoreSettings { folder: folder.to_owned(), ..StoreSettings::default() }
}

pub fn s3() -> Option<StoreSettings> {
    let settings = fenz_testkit::s3_settings()?;
    let value = |key| settings.iter().find(|(name, _)| *name == key).unwrap().1.clone();
    Some(StoreSettings {
        endpoint: value("store.endpoint"),
        access_key: value("store.access_key").as_str().into(),
        secret_key: value("store.secret_key").as_str().into(),
        ..StoreSettings::default()
    })
}

/// A key that no other test has.
pub fn key() -> String {
    format!("tests/{:016x}", fenz_core::Random::default().value::<u64>())
}

pub fn bytes(bytes: &'static [u8]) -> Bytes {
    Bytes::from_static(bytes)
}

pub async fn read(store: &ObjectStore, key: &str, first: u64, last: u64) -> Result<Bytes, Error> {
    let chunks = store.get_range(key, first, last).await?;
    Ok(chunks.try_collect::<BytesMut>().await?.freeze())
}

/// The paths of all files below a folder.
pub fn files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path.display().to_string()) }
    }
    files
}
