//! Whether an upload may be played. Hiding, unpublishing or deleting its video
//! takes effect within a second, also for addresses signed before. The state
//! comes from other services' events; no service is called.

use std::{sync::Arc, time::Duration};

use fenz_chassis::media_url::Audience;
use fenz_contract::events::v1::{ChannelChanged, ChannelDeleted, UserUpdated, VideoChanged, VideoDeleted};
use fenz_core::{ChannelState, Error, Reason, Result, UserId, VideoId};
use fenz_database::Txn;
use moka::future::Cache;

use super::{Media, play::upload_removed};
use crate::{
    domain::{
        playback::PlaybackStatus,
        upload::{Status, UploadId},
        upload_use::UploadUse,
    },
    store::{playback_states, processing},
};

/// How long a status is used without asking the database.
const FRESH_TTL: Duration = Duration::from_millis(250);
/// How long a status is used while the database does not answer.
const STALE_TTL: Duration = Duration::from_secs(60);
const CAPACITY: u64 = 10_000;
/// The event that publishes a video or recreates a channel may be consumed
/// shortly after the first requests that depend on it.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(250)];

#[derive(Clone)]
pub struct PlaybackStatusCache {
    fresh: Cache<UploadId, Option<PlaybackStatus>>,
    stale: Cache<UploadId, Option<PlaybackStatus>>,
}

impl Default for PlaybackStatusCache {
    fn default() -> Self {
        let with_ttl = |ttl| Cache::builder().max_capacity(CAPACITY).time_to_live(ttl).build();
        Self { fresh: with_ttl(FRESH_TTL), stale: with_ttl(STALE_TTL) }
    }
}

impl Media {
    /// Checks that an address signed for this audience may play an upload.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND` when it is removed, `VIDEO_NOT_FOUND` when its video is
    /// restricted or deleted.
    pub async fn check_playback(&self, id: UploadId, audience: Audience) -> Result<()> {
        let mut delays = RETRY_DELAYS.into_iter();
        loop {
            let Some(status) = self.playback_status(id).await? else {
                self.uploads.invalidate(&id).await;
                return Err(upload_removed());
            };
            if status.allows(audience) {
                return Ok(());
            }
            match delays.next().filter(|_| status == PlaybackStatus::Restricted) {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Err(Error::new(Reason::VideoNotFound, "there is no such video")),
            }
        }
    }

    /// Whether a response that has started may continue.
    pub(super) async fn may_continue(&self, id: UploadId, audience: Audience) -> bool {
        // A database failure does not end a response that was allowed.
        self.playback_status(id).await.map_or(true, |status| status.is_some_and(|s| s.allows(audience)))
    }

    /// None when the upload is removed.
    async fn playback_status(&self, id: UploadId) -> Result<Option<PlaybackStatus>> {
        let PlaybackStatusCache { fresh, stale } = &self.playback_statuses;
        let load = async {
            let status = playback_states::status(&self.db, id).await?;
            stale.insert(id, status).await;
            Ok::<_, Error>(status)
        };
        let error = match fresh.try_get_with(id, load).await {
            Ok(status) => return Ok(status),
            Err(error) => error,
        };
        stale.get(&id).await.ok_or_else(|| {
            Arc::try_unwrap(error).unwrap_or_else(|shared| Error::unavailable("the database", anyhow::anyhow!(shared)))
        })
    }

    /// Checks that an owner may upload videos: their channel is not deleted.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND`.
    pub async fn check_channel(&self, owner: UserId) -> Result<()> {
        let mut delays = RETRY_DELAYS.into_iter();
        while playback_states::is_channel_deleted(&self.db, owner).await? {
            match delays.next() {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Err(Error::new(Reason::ChannelNotFound, "your channel is deleted")),
            }
        }
        Ok(())
    }

    pub async fn video_changed_in_txn(&self, txn: &Txn, event: &VideoChanged) -> Result<()> {
        if self.erasures.is_erased(&**txn, UserId(event.owner_id)).await? {
            return Ok(());
        }
        if playback_states::video_changed_in_txn(&**txn, event, self.clock.now()).await? {
            self.video_has_in_txn(txn, event).await?;
        }
        Ok(())
    }

    async fn video_has_in_txn(&self, txn: &Txn, event: &VideoChanged) -> Result<()> {
        let file = UploadId(event.video_upload_id);
        // The lock orders this and the end of the file's processing.
        let stored = processing::lock_in_txn(&**txn, file).await?;
        // Without a thumbnail of its own, it may be about to get the poster.
        let poster = stored.as_ref().and_then(|stored| stored.poster).filter(|_| event.thumbnail_upload_id == 0);
        let thumbnail = poster.map_or(event.thumbnail_upload_id, |poster| poster.0);
        let object = UploadUse::Video(VideoId(event.video_id));
        self.object_has_in_txn(txn, object, &[file.0, thumbnail]).await?;
        match stored {
            // It may have been told before content had the video.
            Some(stored) if event.is_processing && stored.upload.status != Status::Processing => {
                self.emit_processed_in_txn(txn, &stored, VideoId(event.video_id)).await
            }
            _ => Ok(()),
        }
    }

    pub async fn video_deleted_in_txn(&self, txn: &Txn, event: &VideoDeleted) -> Result<()> {
        // A channel's id is its owner's user id.
        if self.erasures.is_erased(&**txn, UserId(event.channel_id)).await? {
            return Ok(());
        }
        playback_states::video_deleted_in_txn(&**txn, event, self.clock.now()).await?;
        self.object_deleted_in_txn(txn, UploadUse::Video(VideoId(event.video_id))).await
    }

    pub async fn channel_changed_in_txn(&self, txn: &Txn, event: &ChannelChanged) -> Result<()> {
        self.channel_is_in_txn(txn, event.into(), &[event.avatar_upload_id, event.banner_upload_id]).await
    }

    pub async fn channel_deleted_in_txn(&self, txn: &Txn, event: &ChannelDeleted) -> Result<()> {
        self.channel_is_in_txn(txn, event.into(), &[]).await
    }

    async fn channel_is_in_txn(&self, txn: &Txn, state: ChannelState, pictures: &[i64]) -> Result<()> {
        if self.erasures.is_erased(&**txn, state.owner).await? {
            return Ok(());
        }
        if playback_states::channel_changed_in_txn(&**txn, &state).await? {
            self.object_has_in_txn(txn, UploadUse::Channel(state.id), pictures).await?;
        }
        Ok(())
    }

    pub async fn user_updated_in_txn(&self, txn: &Txn, event: &UserUpdated) -> Result<()> {
        let user = UserId(event.user_id);
        if self.erasures.is_erased(&**txn, user).await? {
            return Ok(());
        }
        if playback_states::user_changed_in_txn(&**txn, user, event.version).await? {
            self.object_has_in_txn(txn, UploadUse::User(user), &[event.avatar_upload_id]).await?;
        }
        Ok(())
    }
}
