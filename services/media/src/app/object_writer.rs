//! Streams a file into the object store: in one request if it is small, else as a
//! multipart upload, where a part is sent while the next one is buffered.

use bytes::{Bytes, BytesMut};
use fenz_core::{Error, Reason, Result};
use fenz_object_store::{self, Part};
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;

use super::{Media, store_failed};
use crate::{
    domain::{
        media_info::MediaInfo,
        upload::{UploadId, UploadMetadata, object_key},
    },
    store::uploads,
};

/// How much of the file's start is kept: an image's size may follow an embedded
/// colour profile.
const PREFIX_BYTES: usize = 1 << 20;

pub struct ObjectWriter {
    media: Media,
    id: UploadId,
    key: String,
    content_type: &'static str,
    /// The next part.
    buffer: BytesMut,
    size: u64,
    prefix: Bytes,
    hasher: BackgroundHasher,
    multipart_id: Option<String>,
    in_flight: Option<JoinHandle<Result<Part, fenz_object_store::Error>>>,
    parts: Vec<Part>,
    has_sent: bool,
}

/// A completely stored object.
pub struct UploadedObject {
    pub size_bytes: u64,
    pub sha256: String,
    /// The first bytes.
    pub prefix: Bytes,
}

impl UploadedObject {
    pub fn metadata(self, info: &MediaInfo) -> UploadMetadata {
        UploadMetadata {
            size_bytes: self.size_bytes,
            sha256: self.sha256,
            duration_seconds: info.duration_seconds,
            width: info.width,
            height: info.height,
        }
    }
}

impl ObjectWriter {
    pub fn new(media: Media, id: UploadId, content_type: &'static str) -> Self {
        Self {
            media,
            id,
            key: object_key(id),
            content_type,
            buffer: BytesMut::new(),
            size: 0,
            prefix: Bytes::new(),
            hasher: BackgroundHasher::default(),
            multipart_id: None,
            in_flight: None,
            parts: Vec::new(),
            has_sent: false,
        }
    }

    /// How many bytes were written.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns when the buffer has room again.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        let part_size = self.media.config.part_bytes as usize;
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = part_size - self.buffer.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == part_size {
                self.send_part().await?;
                self.buffer.reserve(part_size);
            }
        }
        Ok(())
    }

    /// Sends what is buffered and completes the object.
    pub async fn finish(&mut self) -> Result<UploadedObject> {
        if self.multipart_id.is_some() {
            if !self.buffer.is_empty() {
                self.send_part().await?;
            }
            self.wait_for_part().await?;
            let id = self.multipart_id.as_deref().unwrap_or_default();
            self.media.store.complete_multipart(&self.key, id, &self.parts).await.map_err(store_failed)?;
        } else {
            let whole = self.buffer.split().freeze();
            self.keep_prefix(&whole);
            self.hasher.update(whole.clone()).await?;
            self.has_sent = true;
            self.media.store.put(&self.key, &whole, self.content_type).await.map_err(store_failed)?;
        }
        let sha256 = self.hasher.finish().await?;
        Ok(UploadedObject { size_bytes: self.size, sha256, prefix: std::mem::take(&mut self.prefix) })
    }

    /// Waits for the part in flight before the object is deleted: if its request
    /// were dropped, a store might still keep the part after the abort.
    pub async fn stop(&mut self) {
        if let Some(part) = self.in_flight.take()
            && let Err(error) = part.await
        {
            tracing::debug!(%error, "part not sent");
        }
    }

    async fn send_part(&mut self) -> Result<()> {
        let part = self.buffer.split().freeze();
        self.keep_prefix(&part);
        self.hasher.update(part.clone()).await?;
        self.wait_for_part().await?;
        let multipart_id = self.start_multipart().await?;
        let (store, key, sent) = (self.media.store.clone(), self.key.clone(), self.parts.len());
        // All parts but the last have the same size.
        let (number, offset) = (sent as u32 + 1, sent as u64 * self.media.config.part_bytes);
        let sending = async move { store.put_part(&key, &multipart_id, number, offset, &part).await };
        self.in_flight = Some(tokio::spawn(sending));
        Ok(())
    }

    fn keep_prefix(&mut self, part: &Bytes) {
        if self.prefix.is_empty() {
            self.prefix = Bytes::copy_from_slice(&part[..part.len().min(PREFIX_BYTES)]);
        }
    }

    async fn wait_for_part(&mut self) -> Result<()> {
        if let Some(part) = self.in_flight.take() {
            self.parts.push(part.await.map_err(Error::internal)?.map_err(store_failed)?);
        }
        Ok(())
    }

    /// Starts the multipart upload before the first part. Its id is stored in the
    /// database first, because not every store can list the uploads of a crashed
    /// process.
    async fn start_multipart(&mut self) -> Result<String> {
        if let Some(id) = &self.multipart_id {
            return Ok(id.clone());
        }
        self.has_sent = true;
        let id = self.media.store.start_multipart(&self.key, self.content_type).await.map_err(store_failed)?;
        self.multipart_id = Some(id.clone());
        if !uploads::set_multipart_id(&self.media.db, self.id, &id).await? {
            return Err(upload_aborted());
        }
        Ok(id)
    }

    /// For the deletion, in case the database does not have it.
    pub fn multipart_id(&self) -> Option<&str> {
        self.multipart_id.as_deref()
    }

    /// Whether the object store may have any bytes.
    pub fn has_sent(&self) -> bool {
        self.has_sent
    }
}

/// The sweeper has aborted this upload: the process was suspended for minutes.
pub fn upload_aborted() -> Error {
    Error::new(Reason::UploadIncomplete, "the upload took too long and was given up; send it again")
}

/// SHA-256 on the blocking thread pool.
#[derive(Default)]
struct BackgroundHasher {
    state: Option<JoinHandle<Sha256>>,
}

impl BackgroundHasher {
    /// Returns when the previous part is hashed.
    async fn update(&mut self, part: Bytes) -> Result<()> {
        let mut hasher = self.wait().await?;
        self.state = Some(tokio::task::spawn_blocking(move || {
            hasher.update(&part);
            hasher
        }));
        Ok(())
    }

    async fn finish(&mut self) -> Result<String> {
        Ok(format!("{:x}", Bytes::copy_from_slice(&self.wait().await?.finalize())))
    }

    async fn wait(&mut self) -> Result<Sha256> {
        match self.state.take() {
            Some(state) => state.await.map_err(Error::internal),
            None => Ok(Sha256::new()),
        }
    }
}
