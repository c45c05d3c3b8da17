//! The object store: any S3, or a folder.
//!
//! Every object goes through here, in a fleet and in standalone alike. Bodies are
//! streamed: nothing here holds more than the one part that the caller gave it, or
//! the piece of an object that the caller takes next.

mod folder;
mod s3;

use std::{ops::Deref, path::PathBuf, pin::Pin, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use fenz_chassis::{Platform, Requirement, Secret};
use futures::Stream;
use serde::{Deserialize, Serialize};

/// `FENZ_STORE__…`: either an endpoint or a folder.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// `http://host:port` or `https://host`, without the bucket.
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    pub access_key: Secret,
    pub secret_key: Secret,
    /// The last of its parts is made when it is missing.
    pub folder: PathBuf,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            region: "us-east-1".into(),
            bucket: "fenzvideo".into(),
            access_key: Secret::default(),
            secret_key: Secret::default(),
            folder: PathBuf::new(),
        }
    }
}

/// What the store did not do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such object or upload")]
    NotFound,
    /// An HTTP status; a folder refuses with the one that an S3 would send.
    #[error("the object store refused with status {0}")]
    Refused(u16),
    #[error("the object store is unavailable: {0}")]
    Unavailable(String),
    #[error("the object store's settings are wrong: {0}")]
    Settings(String),
}

/// An object's bytes as they arrive.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// A part that the store has; `complete_multipart` takes all of them, in order.
#[derive(Clone, Debug)]
pub struct Part {
    number: u32,
    offset: u64,
    length: u64,
    /// Empty in a folder.
    etag: String,
}

/// What every store does. What it acknowledged survives a power cut: an object is
/// there whole, a deleted one does not come back.
#[async_trait]
pub trait Store: Send + Sync {
    /// Starts a multipart upload and gives its id. Keys are paths of `/`-separated
    /// names.
    async fn start_multipart(&self, key: &str, content_type: &str) -> Result<String, Error>;

    /// Stores one part, numbered from 1, which begins at `offset` of the object. All
    /// but the last have at least 5 MiB. The order is free, and a part may be sent
    /// again.
    async fn put_part(
        &self,
        key: &str,
        upload_id: &str,
        number: u32,
        offset: u64,
        bytes: &Bytes,
    ) -> Result<Part, Error>;

    /// Makes the object of the parts. There is no object with that key before; one
    /// that was there is replaced.
    async fn complete_multipart(&self, key: &str, upload_id: &str, parts: &[Part]) -> Result<(), Error>;

    /// Drops a multipart upload and its parts. One that is not there is no error.
    async fn abort_multipart(&self, key: &str, upload_id: &str) -> Result<(), Error>;

    /// Stores a small object at once.
    async fn put(&self, key: &str, bytes: &Bytes, content_type: &str) -> Result<(), Error>;

    /// The bytes from `start` to `end`, both included, as they arrive. Fewer where
    /// the object ends before; `Refused(416)` where it ends before `start`.
    async fn get_range(&self, key: &str, start: u64, end: u64) -> Result<ByteStream, Error>;

    /// The same, whole in memory: for a few bytes.
    async fn read(&self, key: &str, start: u64, end: u64) -> Result<Bytes, Error>;

    /// Removes an object. One that is not there is no error.
    async fn delete(&self, key: &str) -> Result<(), Error>;

    /// Whether there is such an object.
    async fn exists(&self, key: &str) -> Result<bool, Error>;

    /// Whether the store answers and can be used.
    async fn probe(&self) -> Result<(), Error>;
}

/// The store that the settings name; its methods are those of [`Store`]. Clones
/// share one.
#[derive(Clone)]
pub struct ObjectStore(Arc<dyn Store>);

impl Deref for ObjectStore {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl ObjectStore {
    /// Opens the folder, or makes the client of an S3, of which nothing is asked yet.
    ///
    /// # Errors
    /// When the settings cannot be those of a store, or the folder cannot be used.
    pub fn new(settings: &StoreSettings) -> Result<Self, Error> {
        let wrong = |text: &str| Err(Error::Settings(text.to_owned()));
        match (settings.endpoint.is_empty(), settings.folder.as_os_str().is_empty()) {
            (false, true) => Ok(Self(Arc::new(s3::S3::new(settings)?))),
            (true, false) => Ok(Self(Arc::new(folder::Folder::open(&settings.folder)?))),
            (true, true) => wrong("FENZ_STORE__ENDPOINT should name an S3, or FENZ_STORE__FOLDER a folder"),
            (false, false) => wrong("only one of FENZ_STORE__ENDPOINT and FENZ_STORE__FOLDER may be set"),
        }
    }
}

impl Requirement for ObjectStore {
    type Settings = StoreSettings;
    const SECTION: &'static str = "store";

    async fn connect(settings: StoreSettings, platform: &Platform) -> anyhow::Result<Self> {
        let store = Self::new(&settings)?;
        let probed = store.clone();
        platform.readiness.require(format!("{}.store", platform.service), move || {
            let store = probed.clone();
            async move { Ok(store.probe().await?) }
        });
        Ok(store)
    }
}
