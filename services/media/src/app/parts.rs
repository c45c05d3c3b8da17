//! Sends bytes to the object store while they come: in one request when they
//! are few, else in parts, one on its way while the next is filled.

use bytes::{Bytes, BytesMut};
use fenz_chassis::{
    Error, Reason, Result,
    store::{self, Part},
};
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;

use super::{Media, store_failed};
use crate::{
    domain::upload::{UploadId, object_key},
    store::uploads,
};

/// How much of the start is kept: pictures put profiles before their size.
const FIRST: usize = 1 << 20;

/// An object on its way into the store.
pub struct Parts {
    media: Media,
    id: UploadId,
    key: String,
    content_type: &'static str,
    /// The part that is being filled.
    filling: BytesMut,
    size: u64,
    /// The first bytes: the size of a picture is in them.
    first: Bytes,
    hash: Hash,
    multipart: Option<String>,
    on_its_way: Option<JoinHandle<Result<Part, store::Error>>>,
    /// The store may have something of it.
    has_sent: bool,
    sent: Vec<Part>,
}

/// What is known once everything is stored.
pub struct Sent {
    pub size_bytes: u64,
    pub sha256: String,
    pub first: Bytes,
}

impl Parts {
    pub fn new(media: Media, id: UploadId, content_type: &'static str) -> Self {
        Self {
            media,
            id,
            key: object_key(id),
            content_type,
            filling: BytesMut::new(),
            size: 0,
            first: Bytes::new(),
            hash: Hash::default(),
            multipart: None,
            on_its_way: None,
            has_sent: false,
            sent: Vec::new(),
        }
    }

    /// How many bytes came.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes bytes in; returns when there is room for more.
    pub async fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        let full = self.media.config.part_bytes as usize;
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = full - self.filling.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.filling.extend_from_slice(now);
            bytes = later;
            if self.filling.len() == full {
                self.send_part().await?;
                self.filling.reserve(full);
            }
        }
        Ok(())
    }

    /// Stores what is left and makes the object of it.
    pub async fn finish(&mut self) -> Result<Sent> {
        if self.multipart.is_some() {
            if !self.filling.is_empty() {
                self.send_part().await?;
            }
            self.wait_for_part().await?;
            let id = self.multipart.as_deref().unwrap_or_default();
            self.media.store.complete_multipart(&self.key, id, &self.sent).await.map_err(store_failed)?;
        } else {
            let whole = self.filling.split().freeze();
            self.keep_first(&whole);
            self.hash.add(whole.clone()).await?;
            self.has_sent = true;
            self.media.store.put(&self.key, &whole, self.content_type).await.map_err(store_failed)?;
        }
        let sha256 = self.hash.finish().await?;
        Ok(Sent { size_bytes: self.size, sha256, first: std::mem::take(&mut self.first) })
    }

    /// Lets what is on its way arrive, so that nothing is stored after the
    /// removal. Cut off, a store may go on with a part whose sender is gone, and
    /// keep it after the upload was aborted.
    pub async fn stop(&mut self) {
        if let Some(part) = self.on_its_way.take()
            && let Err(error) = part.await
        {
            tracing::debug!(%error, "part stopped");
        }
    }

    async fn send_part(&mut self) -> Result<()> {
        let part = self.filling.split().freeze();
        self.keep_first(&part);
        self.hash.add(part.clone()).await?;
        self.wait_for_part().await?;
        let multipart = self.multipart().await?;
        let (store, key, number) = (self.media.store.clone(), self.key.clone(), self.sent.len() as u32 + 1);
        self.on_its_way = Some(tokio::spawn(async move { store.put_part(&key, &multipart, number, &part).await }));
        Ok(())
    }

    fn keep_first(&mut self, part: &Bytes) {
        if self.first.is_empty() {
            self.first = Bytes::copy_from_slice(&part[..part.len().min(FIRST)]);
        }
    }

    async fn wait_for_part(&mut self) -> Result<()> {
        if let Some(part) = self.on_its_way.take() {
            self.sent.push(part.await.map_err(Error::internal)?.map_err(store_failed)?);
        }
        Ok(())
    }

    /// The multipart upload's id, which the database knows before the first part:
    /// not every store can list the parts of a process that died.
    async fn multipart(&mut self) -> Result<String> {
        if let Some(id) = &self.multipart {
            return Ok(id.clone());
        }
        self.has_sent = true;
        let id = self.media.store.start_multipart(&self.key, self.content_type).await.map_err(store_failed)?;
        self.multipart = Some(id.clone());
        if !uploads::keep_multipart(&self.media.db, self.id, &id).await? {
            return Err(given_up());
        }
        Ok(id)
    }

    /// For the removal, in case that the database does not know it.
    pub fn multipart_id(&self) -> Option<&str> {
        self.multipart.as_deref()
    }

    /// Whether the object store may have something of it.
    pub fn has_sent(&self) -> bool {
        self.has_sent
    }
}

/// The sweeper took this for interrupted: we must have stood still for minutes.
pub fn given_up() -> Error {
    Error::new(Reason::UploadIncomplete, "the upload took too long and was given up; send it again")
}

/// A SHA-256 that is computed beside the async threads.
#[derive(Default)]
struct Hash {
    state: Option<JoinHandle<Sha256>>,
}

impl Hash {
    /// Adds a part, once the one before is through.
    async fn add(&mut self, part: Bytes) -> Result<()> {
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
