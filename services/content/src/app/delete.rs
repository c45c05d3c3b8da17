//! Removing a video and its files for good.

use fenz_chassis::{Error, Reason, Result, UserId};

use super::{App, require_cooled_down, require_owner, video_not_found};
use crate::{
    domain::VideoId,
    store::{
        errands::{self, Errand},
        idempotency, videos,
    },
};

impl App {
    /// The files go soon after, however often that takes.
    ///
    /// # Errors
    /// `VIDEO_NOT_FOUND`; `PERMISSION_DENIED` for somebody else's;
    /// `VIDEO_NOT_UNPUBLISHED`; `EDIT_COOLDOWN`.
    pub async fn delete(&self, id: VideoId, caller: UserId) -> Result<()> {
        let errand = self.ids.next();
        let delete = self.outbox.transact(|txn| async move {
            let video = videos::lock_in_txn(&*txn, id).await?.ok_or_else(video_not_found)?;
            require_owner(&video, caller)?;
            if video.is_published {
                return Err(Error::new(Reason::VideoNotUnpublished, "unpublish the video first"));
            }
            require_cooled_down(&video, &self.config, &self.clock)?;
            // A repeat of its creation must not bring it back without its files.
            idempotency::forget(&*txn, id).await?;
            errands::stop_all_intents_in_txn(&*txn, id).await?;
            videos::delete_in_txn(&*txn, id).await?;
            errands::insert(&*txn, Errand::removal(errand, id, None, self.clock.now())).await?;
            self.tell_deleted_in_txn(&txn, &video).await
        });
        delete.await?;
        self.hot.forget(id).await;
        self.errands.wake();
        Ok(())
    }
}
