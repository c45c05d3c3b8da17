//! Stores an uploaded file: its format, size and hash are determined while it is
//! streamed to the object store. A video is processed afterwards (`app/process`). A
//! failed upload leaves nothing behind.

use std::net::IpAddr;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use fenz_core::{Error, Reason, Result, UserId};
use fenz_database::{Txn, transact};
use tokio_util::sync::CancellationToken;

use super::{
    Media,
    heartbeat::Cancellable,
    object_writer::{ObjectWriter, upload_aborted},
};
use crate::{
    domain::{
        media_info::MediaInfo,
        sniff::{self, sniff},
        upload::{Kind, Status, Upload, UploadId, UploadMetadata, object_key},
    },
    store::{
        uploads::{self, PendingUpload},
        usage,
    },
};

/// A file's bytes as they arrive.
pub trait Chunks: Send {
    /// None at the end of the file.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>>> + Send;
}

/// What is known before the first byte.
#[derive(Clone, Copy, Debug)]
pub struct UploadRequest {
    pub owner: UserId,
    /// The client's, if it is known.
    pub address: Option<IpAddr>,
    pub kind: Kind,
    /// From `Content-Length`: an upper bound, if the client is honest.
    pub size_bytes: Option<u64>,
}

impl Media {
    /// Receives and stores a file.
    ///
    /// # Errors
    /// `FILE_TOO_LARGE`, `UNSUPPORTED_FORMAT`, `QUOTA_EXCEEDED`, `UNAVAILABLE`, and those
    /// of `file`.
    #[tracing::instrument(name = "app.upload.store", skip_all, fields(user.id = %request.owner))]
    pub async fn store_file(&self, request: UploadRequest, mut file: impl Chunks) -> Result<Upload> {
        let _user_permit = self.upload_limiter.acquire_for_user(request.owner)?;
        let head = read_head(&mut file).await?;
        if head.is_empty() {
            return Err(Error::field(Reason::InvalidParams, "file", "is empty"));
        }
        let format = sniff(&head).filter(|format| format.kind() == request.kind).ok_or_else(|| {
            let formats = request.kind.formats();
            let description = match request.kind {
                Kind::Video if sniff::is_audio(&head) => format!("has no video track; should be {formats} with one"),
                _ => format!("should be {formats}"),
            };
            Error::field(Reason::UnsupportedFormat, "file", description)
        })?;
        // Only now: clients that send nothing must not use up the places.
        let _place = self.upload_limiter.acquire(request.address)?;
        let upload = PendingUpload {
            id: UploadId(self.ids.next()),
            owner: request.owner,
            kind: request.kind,
            content_type: format.content_type(),
            // Without a declared size the maximum counts.
            size_bytes: request.size_bytes.unwrap_or(self.config.limit(request.kind)),
            poster_of: None,
        };
        let mut writer = ObjectWriter::new(self.clone(), upload.id, upload.content_type);
        let cancelled = CancellationToken::new();
        let _heartbeat = self.start_heartbeat(upload.id, cancelled.clone());
        let mut file = Cancellable { file, cancelled };
        let outcome = match self.reserve_quota(upload, request.size_bytes.unwrap_or(0)).await {
            Ok(quota) => self.write_file(upload, quota, head, &mut file, &mut writer).await,
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            writer.stop().await;
            self.abort(&upload, &writer).await;
        }
        outcome
    }

    async fn write_file(
        &self,
        upload: PendingUpload,
        quota: u64,
        head: Bytes,
        file: &mut impl Chunks,
        writer: &mut ObjectWriter,
    ) -> Result<Upload> {
        let limit = self.config.limit(upload.kind);
        let mut next = Some(head);
        while let Some(bytes) = next {
            let size = writer.size() + bytes.len() as u64;
            if size > limit {
                return Err(too_large(upload.kind, limit));
            }
            if size > quota {
                return Err(quota_exceeded());
            }
            writer.write(&bytes).await?;
            next = file.next().await?;
        }
        let object = writer.finish().await?;
        let (status, info) = match upload.kind {
            Kind::Image => (Status::Ready, MediaInfo::of_image(&object.prefix)),
            Kind::Video => (Status::Processing, MediaInfo::default()),
        };
        self.commit(upload, object.metadata(&info), status).await
    }

    /// Inserts the upload and returns the owner's remaining bytes, at least `min`.
    /// The row is inserted first, so that concurrent uploads see each other.
    async fn reserve_quota(&self, upload: PendingUpload, min: u64) -> Result<u64> {
        let now = self.clock.now();
        self.insert(upload, now).await?;
        let mut used = usage::including_pending(&self.db, upload.owner, now).await?;
        // Without this upload, whose received bytes are counted instead.
        used.stored -= upload.size_bytes.min(used.stored);
        used.sent_today -= upload.size_bytes.min(used.sent_today);
        let remaining = self.config.quota().remaining(used);
        if remaining == 0 || remaining < min {
            return Err(quota_exceeded());
        }
        Ok(remaining)
    }

    pub(super) async fn insert(&self, upload: PendingUpload, now: DateTime<Utc>) -> Result<()> {
        transact(&self.db, async |txn: Txn| {
            self.check_owner_in_txn(&txn, upload.owner).await?;
            Ok(uploads::insert(&*txn, upload, now).await?)
        })
        .await
    }

    /// A deleted user's token may still be valid.
    async fn check_owner_in_txn(&self, txn: &Txn, owner: UserId) -> Result<()> {
        if self.erasures.is_erased(&**txn, owner).await? {
            return Err(Error::new(Reason::Unauthenticated, "this account is deleted"));
        }
        Ok(())
    }

    async fn commit(&self, upload: PendingUpload, metadata: UploadMetadata, status: Status) -> Result<Upload> {
        let now = self.clock.now();
        transact(&self.db, async |txn: Txn| {
            // The owner may have been deleted since the row was inserted.
            self.check_owner_in_txn(&txn, upload.owner).await?;
            self.charge_quota_in_txn(&txn, upload.owner, metadata.size_bytes, now).await?;
            if !uploads::mark_stored(&*txn, upload.id, &metadata, status, now).await? {
                return Err(upload_aborted());
            }
            if status == Status::Processing {
                self.process_after(&txn, upload.id).await?;
            }
            Ok(())
        })
        .await?;
        let (id, owner, size) = (upload.id.0, upload.owner.0, metadata.size_bytes);
        tracing::info!(upload.id = %id, user.id = %owner, size, "upload stored");
        Ok(Upload {
            id: upload.id,
            kind: upload.kind,
            content_type: upload.content_type.to_owned(),
            metadata,
            status,
            object_key: object_key(upload.id),
            created_at: now,
        })
    }

    /// Adds to the daily usage, if the quota still allows it. Of two concurrent
    /// uploads the second waits for the day's row and then sees the first.
    async fn charge_quota_in_txn(&self, txn: &Txn, owner: UserId, bytes: u64, now: DateTime<Utc>) -> Result<()> {
        usage::add(&**txn, owner, now, bytes).await?;
        let mut used = usage::without_pending(&**txn, owner, now).await?;
        used.sent_today -= bytes;
        if self.config.quota().remaining(used) < bytes {
            return Err(quota_exceeded());
        }
        Ok(())
    }
}

/// Enough bytes to detect the format, or the whole file.
async fn read_head(file: &mut impl Chunks) -> Result<Bytes> {
    let mut head = BytesMut::new();
    while head.len() < sniff::SNIFF_BYTES
        && let Some(bytes) = file.next().await?
    {
        head.extend_from_slice(&bytes);
    }
    Ok(head.freeze())
}

pub fn too_large(kind: Kind, limit: u64) -> Error {
    let description = format!("may have at most {limit} bytes as {}", kind.as_str());
    Error::field(Reason::FileTooLarge, "file", description).with("maxBytes", limit)
}

fn quota_exceeded() -> Error {
    Error::new(Reason::QuotaExceeded, "your storage is full, or you sent as much as you may today")
}
