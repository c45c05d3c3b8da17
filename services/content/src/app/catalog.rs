//! Every video, for services that keep a projection.

use fenz_chassis::{Result, UserId};
use fenz_contract::events::v1::VideoChanged;

use super::{App, events::changed, history::KEPT, video_not_found};
use crate::{
    domain::{Video, VideoId},
    store::{history, listing, videos},
};

impl App {
    /// Videos by ascending id, from behind one, as the event of their last
    /// change tells them.
    pub async fn catalog(&self, after: VideoId, limit: u64) -> Result<Vec<VideoChanged>> {
        Ok(listing::catalog(&self.db, after, limit).await?.iter().map(told).collect())
    }

    /// # Errors
    /// `VIDEO_NOT_FOUND` when it is gone.
    pub async fn catalog_video(&self, id: VideoId) -> Result<VideoChanged> {
        let video = videos::find(&self.db, id).await?.ok_or_else(video_not_found)?;
        Ok(told(&video))
    }

    /// What a user watched, the last first; nothing where they keep no history.
    pub async fn watched(&self, user: UserId, limit: u64) -> Result<Vec<i64>> {
        if !history::is_kept(&self.db, user).await? {
            return Ok(Vec::new());
        }
        Ok(history::latest(&self.db, user, self.clock.ago(KEPT), limit).await?)
    }
}

fn told(video: &Video) -> VideoChanged {
    VideoChanged { occurred_at: Some(video.updated_at.into()), ..changed(video) }
}
