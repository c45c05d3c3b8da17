//! A bucket of an S3, through rust-s3.

use std::time::Duration;

use ::s3::{
    Bucket, Region,
    command::{Command, Multipart},
    creds::Credentials,
    error::S3Error,
    request::{Request, tokio_backend::ReqwestRequest},
    serde_types::Part as S3Part,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;

use crate::{ByteStream, Error, Part, Store, StoreSettings};

/// How long a request may take whose size is bounded by us: a part, a head, a delete.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Completing a multipart upload copies the object in some stores.
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(600);
/// What `probe` asks for; it need not be there.
const PROBE_KEY: &str = "probe";

/// A bucket. Requests share one pool of connections.
pub struct S3 {
    bucket: Box<Bucket>,
    /// The same bucket without a request timeout, for bodies whose reader sets the pace.
    unbounded: Box<Bucket>,
}

impl S3 {
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
}

#[async_trait]
impl Store for S3 {
    async fn start_multipart(&self, key: &str, content_type: &str) -> Result<String, Error> {
        Ok(self.bucket.initiate_multipart_upload(key, content_type).await?.upload_id)
    }

    /// Repeated once by rust-s3 when the connection breaks.
    async fn put_part(
        &self,
        key: &str,
        upload_id: &str,
        number: u32,
        offset: u64,
        bytes: &Bytes,
    ) -> Result<Part, Error> {
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
        Ok(Part { number, offset, length: bytes.len() as u64, etag })
    }

    async fn complete_multipart(&self, key: &str, upload_id: &str, parts: &[Part]) -> Result<(), Error> {
        let parts = parts.iter().map(|p| S3Part { part_number: p.number, etag: p.etag.clone() }).collect();
        let bucket = self.bucket.with_request_timeout(COMPLETE_TIMEOUT)?;
        bucket.complete_multipart_upload(key, upload_id, parts).await?;
        Ok(())
    }

    async fn abort_multipart(&self, key: &str, upload_id: &str) -> Result<(), Error> {
        match self.bucket.abort_upload(key, upload_id).await.map_err(Error::from) {
            Err(Error::NotFound) => Ok(()),
            other => other,
        }
    }

    async fn put(&self, key: &str, bytes: &Bytes, content_type: &str) -> Result<(), Error> {
        self.bucket.put_object_with_content_type(key, bytes, content_type).await?;
        Ok(())
    }

    async fn get_range(&self, key: &str, start: u64, end: u64) -> Result<ByteStream, Error> {
        let command = Command::GetObjectRange { start, end: Some(end) };
        let request = ReqwestRequest::new(&self.unbounded, key, command).await?;
        let reply = tokio::time::timeout(REQUEST_TIMEOUT, request.response_data_to_stream())
            .await
            .map_err(|_| Error::Unavailable("no answer in time".into()))??;
        Ok(reply.bytes.map(|chunk| chunk.map_err(Error::from)).boxed())
    }

    async fn read(&self, key: &str, start: u64, end: u64) -> Result<Bytes, Error> {
        Ok(self.bucket.get_object_range(key, start, Some(end)).await?.into_bytes())
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        match self.bucket.delete_object(key).await.map_err(Error::from) {
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn exists(&self, key: &str) -> Result<bool, Error> {
        Ok(self.bucket.object_exists(key).await?)
    }

    /// Asks for an object, since some stores do not let every key list its buckets.
    async fn probe(&self) -> Result<(), Error> {
        self.exists(PROBE_KEY).await.map(|_| ())
    }
}

impl From<S3Error> for Error {
    fn from(error: S3Error) -> Self {
        match error {
            S3Error::HttpFailWithBody(404, _) => Self::NotFound,
            S3Error::HttpFailWithBody(status, _) => Self::Refused(status),
            other => Self::Unavailable(with_sources(&other)),
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
