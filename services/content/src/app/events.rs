//! Events that the service publishes, through the outbox of the changing transaction.

use fenz_contract::events::v1::{NewVideo, VideoChanged, VideoDeleted, VideoFailed, VideoUpdate};
use fenz_core::Result;
use fenz_database::Txn;

use super::App;
use crate::domain::{MediaStatus, Video};

impl App {
    /// Publishes a change of a video; `before` is none for a new one. Its first
    /// publication, and a change of title while it is public, also notify the channel's
    /// subscribers.
    pub(super) async fn emit_changed_in_txn(&self, txn: &Txn, before: Option<&Video>, after: &Video) -> Result<()> {
        let now = Some(self.clock.now().into());
        self.outbox.emit(txn, &VideoChanged { occurred_at: now, ..changed_event(after) }).await?;
        let was_published = before.is_some_and(|b| b.published_at.is_some());
        if after.published_at.is_some() && !was_published {
            let thumbnail_upload_id = after.thumbnail.map_or(0, |t| t.0);
            let event = NewVideo {
                channel_id: after.channel_id.0,
                video_id: after.id.0,
                title: after.title.clone(),
                thumbnail_upload_id,
                access_tier: after.tier.number(),
                occurred_at: now,
                version: after.version,
                is_hidden: after.hidden.any(),
            };
            return self.outbox.emit(txn, &event).await;
        }
        let is_public = after.is_published && !after.hidden.any();
        if is_public && before.is_some_and(|b| b.title != after.title) {
            let (channel_id, video_id) = (after.channel_id.0, after.id.0);
            let event = VideoUpdate { channel_id, video_id, title: after.title.clone(), occurred_at: now };
            return self.outbox.emit(txn, &event).await;
        }
        Ok(())
    }

    pub(super) async fn emit_failed_in_txn(&self, txn: &Txn, video: &Video, failure: &str) -> Result<()> {
        let event = VideoFailed {
            video_id: video.id.0,
            channel_id: video.channel_id.0,
            owner_id: video.owner.0,
            title: video.title.clone(),
            failure: failure.to_owned(),
            occurred_at: Some(self.clock.now().into()),
        };
        self.outbox.emit(txn, &event).await
    }

    pub(super) async fn emit_deleted_in_txn(&self, txn: &Txn, video: &Video) -> Result<()> {
        let event = VideoDeleted {
            video_id: video.id.0,
            channel_id: video.channel_id.0,
            version: video.version + 1,
            occurred_at: Some(self.clock.now().into()),
        };
        self.outbox.emit(txn, &event).await
    }
}

/// The state of a video as an event, without `occurred_at`.
pub(super) fn changed_event(video: &Video) -> VideoChanged {
    VideoChanged {
        video_id: video.id.0,
        channel_id: video.channel_id.0,
        owner_id: video.owner.0,
        title: video.title.clone(),
        description: video.description.clone(),
        category_id: video.category.map_or(0, |c| c.0),
        tag_ids: video.tags.iter().map(|tag| tag.0).collect(),
        access_tier: video.tier.number(),
        is_published: video.is_published,
        is_hidden: video.hidden.any(),
        duration_seconds: video.duration_seconds,
        published_at: video.published_at.map(Into::into),
        version: video.version,
        occurred_at: None,
        created_at: Some(video.created_at.into()),
        video_upload_id: video.upload.map_or(0, |u| u.0),
        thumbnail_upload_id: video.thumbnail.map_or(0, |t| t.0),
        is_processing: video.media == MediaStatus::Processing,
    }
}
