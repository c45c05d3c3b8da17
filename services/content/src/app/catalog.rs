//! Internal reads for services that keep a projection of videos.

use fenz_contract::events::v1::VideoChanged;
use fenz_core::{Result, UploadId, UserId};

use super::{App, events::changed_event, history::RETENTION, video_not_found};
use crate::{
    domain::{Video, VideoId},
    store::{history, listing, videos},
};

impl App {
    /// Videos with ids greater than `after`, in ascending order, as `VideoChanged`
    /// events.
    pub async fn catalog(&self, after: VideoId, limit: u64) -> Result<Vec<VideoChanged>> {
        Ok(listing::catalog(&self.db, after, limit).await?.iter().map(last_event).collect())
    }

    /// # Errors
    /// `VIDEO_NOT_FOUND`.
    pub async fn catalog_video(&self, id: VideoId) -> Result<VideoChanged> {
        let video = videos::find(&self.db, id).await?.ok_or_else(video_not_found)?;
        Ok(last_event(&video))
    }

    /// Whether a video has an upload as its file or thumbnail.
    pub async fn is_upload_used(&self, id: VideoId, upload: UploadId) -> Result<bool> {
        let video = videos::find(&self.db, id).await?;
        Ok(video.is_some_and(|video| [video.upload, video.thumbnail].contains(&Some(upload))))
    }

    /// What a user watched, the latest first; empty when their history is disabled.
    pub async fn watched(&self, user: UserId, limit: u64) -> Result<Vec<VideoId>> {
        if !history::is_enabled(&self.db, user).await? {
            return Ok(Vec::new());
        }
        Ok(history::latest(&self.db, user, self.clock.ago(RETENTION), limit).await?)
    }
}

/// The event of the video's last change.
fn last_event(video: &Video) -> VideoChanged {
    VideoChanged { occurred_at: Some(video.updated_at.into()), ..changed_event(video) }
}
