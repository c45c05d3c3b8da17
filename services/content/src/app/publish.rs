//! Publishing and unpublishing, at any time after creation: at once, when the file can
//! be played, or at a time.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use fenz_core::{Error, Result, UserId};
use fenz_database::Txn;
use fenz_jobs::{Job, Options, Running};
use serde::{Deserialize, Serialize};

use super::{App, CachedVideo, require_owner, video_not_found};
use crate::{
    domain::{
        MediaStatus, Processed, Video, VideoId,
        publication::{self, upload_failed},
    },
    store::videos,
};

/// Publishes a video at its time.
#[derive(Debug, Serialize, Deserialize)]
pub struct PublishVideo {
    pub video: i64,
}

impl Job for PublishVideo {
    const KIND: &'static str = "video.publish";
}

impl App {
    /// # Errors
    /// `VIDEO_NOT_FOUND`; `PERMISSION_DENIED` for somebody else's; `UPLOAD_FAILED`.
    pub async fn publish(&self, id: VideoId, caller: UserId, published: bool) -> Result<Arc<CachedVideo>> {
        let publish = self.outbox.transact(|txn| async move {
            let video = videos::lock_in_txn(&*txn, id).await?.ok_or_else(video_not_found)?;
            require_owner(&video, caller)?;
            if let (true, MediaStatus::Failed(reason)) = (published, &video.media) {
                return Err(upload_failed(reason));
            }
            let after = video.clone().published(published, self.clock.now());
            self.store_change_in_txn(&txn, &video, &after).await
        });
        publish.await?;
        self.reread(id).await
    }

    /// Publishes a video whose time has come.
    pub async fn publish_scheduled(&self, PublishVideo { video }: PublishVideo, running: &Running) -> Result<()> {
        let id = VideoId(video);
        let publish = self.outbox.transact(|txn| async move {
            let now = self.clock.now();
            if let Some(video) = videos::lock_in_txn(&*txn, id).await? {
                if video.publish_at.is_some_and(|at| at > now) {
                    return Err(Error::unavailable("the time", anyhow::anyhow!("it is too early by this clock")));
                }
                let after = video.clone().published_if_due(now);
                if after.version != video.version {
                    videos::update_in_txn(&*txn, &after).await?;
                    self.emit_changed_in_txn(&txn, Some(&video), &after).await?;
                }
            }
            running.complete_in_txn(&txn).await
        });
        publish.await?;
        self.cache.invalidate(id);
        Ok(())
    }

    /// Applies what media found out about a video's file. It may have told that before,
    /// and before there was a video.
    pub async fn upload_processed_in_txn(&self, txn: &Txn, id: VideoId, processed: Processed) -> Result<()> {
        let Some(video) = videos::lock_in_txn(&**txn, id).await? else { return Ok(()) };
        let after = video.clone().processed(processed, self.clock.now());
        self.store_change_in_txn(txn, &video, &after).await?;
        match &after.media {
            MediaStatus::Failed(reason) if after.version != video.version => {
                self.emit_failed_in_txn(txn, &after, reason).await
            }
            _ => Ok(()),
        }
    }

    /// Stores a changed video, publishes the change and keeps the job of its schedule in
    /// step.
    pub(super) async fn store_change_in_txn(&self, txn: &Txn, before: &Video, after: &Video) -> Result<()> {
        if after.version == before.version {
            return Ok(());
        }
        videos::update_in_txn(&**txn, after).await?;
        self.emit_changed_in_txn(txn, Some(before), after).await?;
        if (after.publish_at, &after.media) == (before.publish_at, &before.media) {
            return Ok(());
        }
        self.unschedule_in_txn(txn, before).await?;
        self.schedule_in_txn(txn, after).await
    }

    pub(super) async fn unschedule_in_txn(&self, txn: &Txn, video: &Video) -> Result<()> {
        if video.publish_at.is_some() {
            self.jobs.cancel_in_txn::<PublishVideo>(txn, &video.id.to_string()).await?;
        }
        Ok(())
    }

    /// Enqueues the job of a video that waits for its time. One that only waits for its
    /// file needs none: media's event publishes it.
    pub(super) async fn schedule_in_txn(&self, txn: &Txn, video: &Video) -> Result<()> {
        let waits = |at: &DateTime<Utc>| *at > self.clock.now() || video.media == MediaStatus::Ready;
        let Some(at) = video.publish_at.filter(waits) else { return Ok(()) };
        let job = PublishVideo { video: video.id.0 };
        self.jobs.enqueue_in_txn(txn, &job, Options::key(&video.id).at(at)).await
    }

    /// Whether a video may get this time of publication.
    ///
    /// # Errors
    /// `INVALID_PARAMS` on `publishAt`; `UPLOAD_FAILED`.
    pub(super) fn check_schedule(&self, video: &Video, at: DateTime<Utc>) -> Result<()> {
        publication::check_time(at, self.clock.now())?;
        match &video.media {
            _ if video.is_published => Err(publication::invalid("is for a video that is not published yet")),
            MediaStatus::Failed(reason) => Err(upload_failed(reason)),
            _ => Ok(()),
        }
    }

    /// Loads a video after a change.
    pub(super) async fn reread(&self, id: VideoId) -> Result<Arc<CachedVideo>> {
        self.cache.invalidate(id);
        self.cache.get(id).await?.ok_or_else(video_not_found)
    }
}
