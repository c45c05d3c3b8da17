//! What is particular to an S3.

use fenz_object_store::{Error, ObjectStore, StoreSettings};

use crate::stores::{bytes, key, s3};

#[tokio::test]
async fn wrong_keys_and_a_server_that_is_away_are_told_apart() {
    fenz_chassis::prepare();
    let away = format!("http://{}", fenz_testkit::free_address());
    let store = ObjectStore::new(&StoreSettings { endpoint: away, ..s3().unwrap_or_default() }).unwrap();
    assert!(matches!(store.put(&key(), &bytes(b"x"), "text/plain").await, Err(Error::Unavailable(_))));
    assert!(store.probe().await.is_err());
    let nowhere = StoreSettings { endpoint: "nowhere".to_owned(), ..StoreSettings::default() };
    assert!(matches!(ObjectStore::new(&nowhere), Err(Error::Settings(_))));
    let Some(settings) = s3() else { return };
    let stranger = ObjectStore::new(&StoreSettings { secret_key: "other".into(), ..settings }).unwrap();
    assert!(matches!(stranger.put(&key(), &bytes(b"x"), "text/plain").await, Err(Error::Refused(403))));
    assert!(stranger.probe().await.is_err());
}
