//! The object store: any S3, through rust-s3.
//!
//! Every object goes through here, in a fleet and in standalone alike. Bodies are
//! streamed: nothing here holds more than the one part that the caller gave it.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use s3::{
    Bucket, Region,
    command::{Command, Multipart},
    creds::Credentials,
    error::S3Error,
    request::{Request, tokio_backend::ReqwestRequest},
    serde_types::Part as S3Part,
};
use serde::{Deserialize, Serialize};

use fenz_chassis::{Platform, Requirement, Secret};

/// How long a request may take whose size is bounded by us: a part, a head, a delete.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Completing a multipart upload copies the object in some stores.
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(600);
/// What `probe` asks for; it need not be there.
const PROBE_KEY: &str = "probe";

/// `FENZ_STORE__…`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// `http://host:port` or `https://host`, without the bucket.
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    pub access_key: Secret,
    pub secret_key: Secret,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            region: "us-east-1".into(),
            bucket: "fenzvideo".into(),
            access_key: Secret::default(),
            secret_key: Secret::default(),
        }
    }
}

/// What the store did not do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such object or upload")]
    NotFound,
    #[error("the object store refused with status {0}")]
    Refused(u16),
    #[error("the object store cannot be reached: {0}")]
    Unreachable(String),
    #[error("the object store's settings are wrong: {0}")]
    Settings(String),
}

impl From<S3Error> for Error {
    fn from(error: S3Error) -> Self {
        match error {
            S3Error::HttpFailWithBody(404, _) => Self::NotFound,
            S3Error::HttpFailWithBody(status, _) => Self::Refused(status),
            other => Self::Unreachable(with_sources(&other)),
        }
    }
}

/// reqwest keeps the reason (refused, timed out) in the source chain only.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// An object's bytes as they arrive.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// A part that the store has; `complete` wants all of them, in order.
#[derive(Clone, Debug)]
pub struct Part {
    number: u32,
    etag: String,
}

/// A bucket of an S3 store. Cheap to clone: clones share one pool of connections.
#[derive(Clone)]
pub struct ObjectStore {
    bucket: Box<Bucket>,
    /// The same bucket without a request timeout, for bodies whose reader sets the pace.
    unbounded: Box<Bucket>,
}

impl std::fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectStore").field("bucket", &self.bucket.name).finish_non_exhaustive()
    }
}

impl ObjectStore {
    /// Makes the client; nothing is asked of the store yet.
    ///
    /// # Errors
    /// When the settings cannot be those of a store.
    pub fn new(settings: &StoreSettings) -> Result<Self, Error> {
        let wrong = |e: &dyn std::error::Error| Error::Settings(with_sources(e));
        if !settings.endpoint.starts_with("http://") && !settings.endpoint.starts_with("https://") {
            return Err(Error::Settings("STORE__ENDPOINT must be an http:// or https:// address".into()));
        }
        let region = Region::Custom {
            region: settings.region.clone(),
            endpoint: settings.endpoint.trim_end_matches('/').to_owned(),
        };
        let (access, secret) = (settings.access_key.expose(), settings.secret_key.expose());
        let credentials = Credentials::new(Some(access), Some(secret), None, None, None).map_err(|e| wrong(&e))?;
        let mut bucket = Bucket::new(&settings.bucket, region, credentials).map_err(|e| wrong(&e))?.with_path_style();
        bucket.set_request_timeout(Some(REQUEST_TIMEOUT));
        let mut unbounded = bucket.clone();
        unbounded.set_request_timeout(None);
        Ok(Self { bucket, unbounded })
    }

    /// Starts a multipart upload and gives its id.
    pub async fn start_multipart(&self, key: &str, content_type: &str) -> Result<String, Error> {
        Ok(self.bucket.initiate_multipart_upload(key, content_type).await?.upload_id)
    }

    /// Stores one part, numbered from 1; all but the last have at least 5 MiB.
    /// Repeated once by rust-s3 when the connection breaks.
    pub async fn put_part(&self, key: &str, upload_id: &str, number: u32, bytes: &Bytes) -> Result<Part, Error> {
        // `put_multipart_chunk` wants a Vec of its own; the command takes what we have.
        let command = Command::PutObject {
            content: bytes,
            content_type: "application/octet-stream",
            custom_headers: None,
            multipart: Some(Multipart::new(number, upload_id)),
        };
        let request = ReqwestRequest::new(&self.bucket, key, command).await?;
        let reply = request.response_data(true).await?;
        let etag = String::from_utf8_lossy(reply.as_slice()).into_owned();
        Ok(Part { number, etag })
    }

    /// Makes the object of the parts.
    pub async fn complete_multipart(&self, key: &str, upload_id: &str, parts: &[Part]) -> Result<(), Error> {
        let parts = parts.iter().map(|p| S3Part { part_number: p.number, etag: p.etag.clone() }).collect();
        let bucket = self.bucket.with_request_timeout(COMPLETE_TIMEOUT)?;
        bucket.complete_multipart_upload(key, upload_id, parts).await?;
        Ok(())
    }

    /// Drops a multipart upload and its parts. One that is not there is no error.
    pub async fn abort_multipart(&self, key: &str, upload_id: &str) -> Result<(), Error> {
        match self.bucket.abort_upload(key, upload_id).await.map_err(Error::from) {
            // s3s says 403 for an upload it does not know.
            Err(Error::NotFound | Error::Refused(403)) => Ok(()),
            other => other,
        }
    }

    /// Stores a small object in one request.
    pub async fn put(&self, key: &str, bytes: &[u8], content_type: &str) -> Result<(), Error> {
        self.bucket.put_object_with_content_type(key, bytes, content_type).await?;
        Ok(())
    }

    /// The bytes from `start` to `end`, both included, as they arrive. The caller
    /// says what is in the object; there is no answer for a range outside it.
    pub async fn get_range(&self, key: &str, start: u64, end: u64) -> Result<ByteStream, Error> {
        let command = Command::GetObjectRange { start, end: Some(end) };
        let request = ReqwestRequest::new(&self.unbounded, key, command).await?;
        let reply = tokio::time::timeout(REQUEST_TIMEOUT, request.response_data_to_stream())
            .await
            .map_err(|_| Error::Unreachable("no answer in time".into()))??;
        Ok(reply.bytes.map(|chunk| chunk.map_err(Error::from)).boxed())
    }

    /// The same, whole in memory: for a few bytes.
    pub async fn read(&self, key: &str, start: u64, end: u64) -> Result<Bytes, Error> {
        Ok(self.bucket.get_object_range(key, start, Some(end)).await?.into_bytes())
    }

    /// Removes an object. One that is not there is no error.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        match self.bucket.delete_object(key).await.map_err(Error::from) {
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether there is such an object.
    pub async fn exists(&self, key: &str) -> Result<bool, Error> {
        Ok(self.bucket.object_exists(key).await?)
    }

    /// Whether the store answers us, with these keys and for this bucket. Asks for
    /// an object, since some stores do not let every key list its buckets.
    pub async fn probe(&self) -> Result<(), Error> {
        self.exists(PROBE_KEY).await.map(|_| ())
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
