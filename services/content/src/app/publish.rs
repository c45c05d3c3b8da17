//! Publishing and unpublishing, at any time after creation.

use std::sync::Arc;

use fenz_core::{Result, UserId};

use super::{App, CachedVideo, require_owner, video_not_found};
use crate::{domain::VideoId, store::videos};

impl App {
    /// # Errors
    /// `VIDEO_NOT_FOUND`; `PERMISSION_DENIED` for somebody else's.
    pub async fn publish(&self, id: VideoId, caller: UserId, published: bool) -> Result<Arc<CachedVideo>> {
        let publish = self.outbox.transact(|txn| async move {
            let video = videos::lock_in_txn(&*txn, id).await?.ok_or_else(video_not_found)?;
            require_owner(&video, caller)?;
            if video.is_published != published {
                let before = video.clone();
                let after = video.published(published, self.clock.now());
                videos::update_in_txn(&*txn, &after).await?;
                self.emit_changed_in_txn(&txn, Some(&before), &after).await?;
            }
            Ok(())
        });
        publish.await?;
        self.reread(id).await
    }

    /// Loads a video after a change.
    pub(super) async fn reread(&self, id: VideoId) -> Result<Arc<CachedVideo>> {
        self.cache.invalidate(id);
        self.cache.get(id).await?.ok_or_else(video_not_found)
    }
}
