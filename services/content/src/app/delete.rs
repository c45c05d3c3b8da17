//! Deleting a video and its files.

use fenz_core::{Error, Reason, Result, UserId};
use fenz_database::Txn;

use super::{App, require_cooled_down, require_owner, video_not_found};
use crate::{
    domain::{Video, VideoId},
    store::{idempotency, videos, views},
};

impl App {
    /// Media deletes the files when it consumes the event.
    ///
    /// # Errors
    /// `VIDEO_NOT_FOUND`; `PERMISSION_DENIED` for somebody else's;
    /// `VIDEO_NOT_UNPUBLISHED`; `EDIT_COOLDOWN`.
    pub async fn delete(&self, id: VideoId, caller: UserId) -> Result<()> {
        let delete = self.outbox.transact(|txn| async move {
            let video = videos::lock_in_txn(&*txn, id).await?.ok_or_else(video_not_found)?;
            require_owner(&video, caller)?;
            if video.is_published {
                return Err(Error::new(Reason::VideoNotUnpublished, "unpublish the video first"));
            }
            require_cooled_down(&video, &self.config, &self.clock)?;
            self.delete_in_txn(&txn, &video).await
        });
        delete.await?;
        self.cache.invalidate(id);
        Ok(())
    }

    /// Deletes a video that the transaction has locked, and publishes it.
    pub(super) async fn delete_in_txn(&self, txn: &Txn, video: &Video) -> Result<()> {
        let (db, id) = (txn.as_ref(), video.id);
        // A retry of its creation must not find its key and recreate it without files.
        idempotency::delete_of_video(db, id).await?;
        videos::delete_in_txn(db, id).await?;
        views::delete_hours(db, id).await?;
        self.unschedule_in_txn(txn, video).await?;
        self.emit_deleted_in_txn(txn, video).await
    }
}
