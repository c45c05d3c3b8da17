//! Finds out about a stored video: whether it can be played, its length and size, and a
//! frame of it for its poster. A job does that, as it may take longer than a request.

use std::time::Duration;

use bytes::Bytes;
use fenz_contract::events::v1::UploadProcessed;
use fenz_core::{Error, Result, UserId, VideoId};
use fenz_database::{Txn, transact};
use fenz_jobs::{Job, Options, Running};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    Media,
    object_writer::{ObjectWriter, upload_aborted},
    store_failed,
};
use crate::{
    domain::{
        media_info::MediaInfo,
        sniff::Format,
        upload::{Failure, Kind, Status, Upload, UploadId, UploadMetadata},
    },
    probe::{self, StoredFile},
    store::{
        processing::{self, StoredVideo},
        removal,
        uploads::{self, PendingUpload},
    },
};

/// Attempts to read a video in time.
const TRIES: u32 = 3;
/// How long a request waits for a video that is being processed. Most take less.
const WAIT: Duration = Duration::from_secs(2);
/// Another replica may process it.
const POLL: Duration = Duration::from_millis(200);

/// Processes a stored video.
#[derive(Debug, Serialize, Deserialize)]
pub struct ProcessVideo {
    pub upload: i64,
}

impl Job for ProcessVideo {
    const KIND: &'static str = "upload.process";
    /// Each has programs of its own.
    const CONCURRENCY: usize = 2;
    const TIMEOUT: Duration = Duration::from_secs(1200);
}

/// A poster in the object store whose row is not marked as stored yet.
struct Poster {
    id: UploadId,
    metadata: UploadMetadata,
}

impl Media {
    pub(super) async fn process_after(&self, txn: &Txn, id: UploadId) -> Result<()> {
        self.jobs.enqueue_in_txn(txn, &ProcessVideo { upload: id.0 }, Options::key(&id.0)).await
    }

    /// Returns an error where another attempt may do better.
    #[tracing::instrument(name = "app.upload.process", skip_all, fields(upload.id = %upload))]
    pub async fn process(&self, ProcessVideo { upload }: ProcessVideo, running: &Running) -> Result<()> {
        let id = UploadId(upload);
        let stored = transact(&self.db, async |txn: Txn| Ok(processing::lock_in_txn(&*txn, id).await?)).await?;
        let Some(video) = stored.filter(|video| video.upload.status == Status::Processing) else { return Ok(()) };
        let (status, mut info) = self.probe(&video.upload, running.attempt()).await?;
        let frame = info.poster.take();
        let poster = match &frame {
            Some(frame) => Some(self.store_poster(id, video.owner, frame).await?),
            None => None,
        };
        let poster_id = poster.as_ref().map(|poster| poster.id);
        let finished = self.outbox.transact(|txn| {
            let (info, poster) = (&info, &poster);
            async move {
                self.finish_in_txn(&txn, id, (status, info), poster.as_ref()).await?;
                running.complete_in_txn(&txn).await
            }
        });
        let finished = finished.await;
        if let (Err(_), Some(poster)) = (&finished, poster_id) {
            self.discard_poster(poster).await;
        }
        self.processed.notify_waiters();
        finished
    }

    async fn probe(&self, upload: &Upload, attempt: u32) -> Result<(Status, MediaInfo)> {
        let Some(format) = Format::of_video(&upload.content_type) else {
            return Ok((Status::Ready, MediaInfo::default()));
        };
        let file = StoredFile { key: &upload.object_key, size: upload.metadata.size_bytes, format };
        outcome(self.prober.probe(file).await, attempt)
    }

    async fn finish_in_txn(
        &self,
        txn: &Txn,
        id: UploadId,
        (status, info): (Status, &MediaInfo),
        poster: Option<&Poster>,
    ) -> Result<()> {
        let stored = processing::lock_in_txn(&**txn, id).await?.ok_or_else(upload_aborted)?;
        processing::finish_in_txn(&**txn, id, status, info).await?;
        if let Some(poster) = poster {
            let now = self.clock.now();
            if !uploads::mark_stored(&**txn, poster.id, &poster.metadata, Status::Ready, now).await? {
                return Err(upload_aborted());
            }
            if let Some(used_by) = stored.used_by {
                processing::share_use_in_txn(&**txn, poster.id, used_by).await?;
            }
        }
        let processed = processing::lock_in_txn(&**txn, id).await?.ok_or_else(upload_aborted)?;
        match processed.video() {
            Some(video) => self.emit_processed_in_txn(txn, &processed, video).await,
            // Whoever uses it later is told then.
            None => Ok(()),
        }
    }

    /// Tells the service of the video whose file it is.
    pub(super) async fn emit_processed_in_txn(&self, txn: &Txn, stored: &StoredVideo, video: VideoId) -> Result<()> {
        let (upload, metadata) = (&stored.upload, &stored.upload.metadata);
        let event = UploadProcessed {
            upload_id: upload.id.0,
            owner_id: stored.owner.0,
            video_id: video.0,
            failure: upload.status.columns().1.to_owned(),
            duration_seconds: metadata.duration_seconds,
            width: metadata.width,
            height: metadata.height,
            poster_upload_id: stored.poster.map_or(0, |id| id.0),
            occurred_at: Some(self.clock.now().into()),
        };
        self.outbox.emit(txn, &event).await
    }

    /// Waits until a video is processed, but not for long.
    pub(super) async fn wait_until_processed(&self, id: UploadId, owner: UserId) -> Result<()> {
        let deadline = Instant::now() + WAIT;
        loop {
            let notified = self.processed.notified();
            let upload = uploads::find_of_owner(&self.db, id, owner).await?;
            let is_processing = upload.is_some_and(|upload| upload.status == Status::Processing);
            if !is_processing || Instant::now() >= deadline {
                return Ok(());
            }
            let poll = (Instant::now() + POLL).min(deadline);
            tokio::select! {
                () = notified => {}
                () = tokio::time::sleep_until(poll) => {}
            }
        }
    }

    async fn store_poster(&self, video: UploadId, owner: UserId, frame: &Bytes) -> Result<Poster> {
        let upload = PendingUpload {
            id: UploadId(self.ids.next()),
            owner,
            kind: Kind::Image,
            content_type: Format::Jpeg.content_type(),
            size_bytes: frame.len() as u64,
            poster_of: Some(video),
        };
        self.insert(upload, self.clock.now()).await?;
        let mut writer = ObjectWriter::new(self.clone(), upload.id, upload.content_type);
        let written = async {
            writer.write(frame).await?;
            writer.finish().await
        };
        match written.await {
            Ok(object) => Ok(Poster { id: upload.id, metadata: object.metadata(&MediaInfo::of_image(frame)) }),
            Err(error) => {
                self.discard_poster(upload.id).await;
                Err(error)
            }
        }
    }

    /// Best effort: the sweep removes it too.
    async fn discard_poster(&self, id: UploadId) {
        let now = self.clock.now();
        let removed = transact(&self.db, async |txn: Txn| {
            // A commit may have been answered by an error.
            let is_stored = uploads::find(&*txn, id).await?.is_some();
            Ok(if is_stored { Vec::new() } else { removal::abort_in_txn(&*txn, id, now).await? })
        });
        match removed.await {
            Ok(removed) => drop(self.delete_uploads(removed).await),
            Err(error) => tracing::warn!(%error, upload.id = %id, "poster not removed yet"),
        }
    }
}

/// What a probe says of its video; an error where another attempt may do better.
fn outcome(probed: Result<MediaInfo, probe::Error>, attempt: u32) -> Result<(Status, MediaInfo)> {
    let failed = |failure| Ok((Status::Failed(failure), MediaInfo::default()));
    match probed {
        Ok(info) => Ok((Status::Ready, info)),
        Err(probe::Error::Unreadable) => failed(Failure::Unreadable),
        Err(probe::Error::NoVideo) => failed(Failure::NoVideo),
        Err(probe::Error::Timeout) if attempt >= TRIES => failed(Failure::Timeout),
        Err(probe::Error::Store(error)) => Err(store_failed(error)),
        Err(error) => Err(Error::internal(error)),
    }
}

#[cfg(test)]
mod tests {
    use fenz_core::Reason;

    use super::*;

    #[test]
    fn what_may_be_better_next_time_is_tried_again() {
        let of = |error, attempt| outcome(Err(error), attempt).map(|(status, _)| status);
        assert_eq!(of(probe::Error::Unreadable, 1).unwrap(), Status::Failed(Failure::Unreadable));
        assert_eq!(of(probe::Error::NoVideo, 1).unwrap(), Status::Failed(Failure::NoVideo));
        assert!(of(probe::Error::Timeout, 1).is_err() && of(probe::Error::Timeout, TRIES - 1).is_err());
        assert_eq!(of(probe::Error::Timeout, TRIES).unwrap(), Status::Failed(Failure::Timeout));
        let unavailable = || probe::Error::Store(fenz_object_store::Error::Refused(503));
        assert_eq!(of(unavailable(), 99).unwrap_err().reason, Reason::Unavailable);
        let full = || probe::Error::Run(std::io::ErrorKind::StorageFull.into());
        assert_eq!(of(full(), TRIES).unwrap_err().reason, Reason::Internal, "an operator's");
    }
}
