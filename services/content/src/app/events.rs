//! What the service tells others, in the transaction that did it.

use fenz_chassis::{Result, database::Txn};
use fenz_contract::events::v1::{NewVideo, VideoChanged, VideoDeleted, VideoUpdate};

use super::App;
use crate::domain::Video;

impl App {
    /// Tells what became of a video; `before` is none for a new one. Its first
    /// publication and another title while others may see it are told
    /// to the channel's audience too.
    pub(super) async fn tell_in_txn(&self, txn: &Txn, before: Option<&Video>, after: &Video) -> Result<()> {
        let now = Some(self.clock.now().into());
        self.outbox.emit(txn, &VideoChanged { occurred_at: now, ..changed(after) }).await?;
        let was_published = before.is_some_and(|b| b.published_at.is_some());
        if after.published_at.is_some() && !was_published {
            let thumbnail_upload_id = after.thumbnail.map_or(0, |t| t.0);
            let told = NewVideo {
                channel_id: after.channel_id,
                video_id: after.id.0,
                title: after.title.clone(),
                thumbnail_upload_id,
                access_tier: after.tier.number(),
                occurred_at: now,
                version: after.version,
                is_hidden: after.hidden.any(),
            };
            return self.outbox.emit(txn, &told).await;
        }
        let is_seen = after.is_published && !after.hidden.any();
        if is_seen && before.is_some_and(|b| b.title != after.title) {
            let (channel_id, video_id) = (after.channel_id, after.id.0);
            let told = VideoUpdate { channel_id, video_id, title: after.title.clone(), occurred_at: now };
            return self.outbox.emit(txn, &told).await;
        }
        Ok(())
    }

    /// Tells that a video is gone.
    pub(super) async fn tell_deleted_in_txn(&self, txn: &Txn, video: &Video) -> Result<()> {
        let told = VideoDeleted {
            video_id: video.id.0,
            channel_id: video.channel_id,
            version: video.version + 1,
            occurred_at: Some(self.clock.now().into()),
        };
        self.outbox.emit(txn, &told).await
    }
}

/// A video as events tell it, at no time.
pub(super) fn changed(video: &Video) -> VideoChanged {
    VideoChanged {
        video_id: video.id.0,
        channel_id: video.channel_id,
        owner_id: video.owner.0,
        title: video.title.clone(),
        description: video.description.clone(),
        category_id: video.category.map_or(0, |c| c.0),
        tag_ids: video.tags.clone(),
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
    }
}
