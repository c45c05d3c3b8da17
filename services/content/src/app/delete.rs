//! Removing a video and its files for good.

use fenz_chassis::{Error, Reason, Result, UserId, database::Txn};

use super::{App, require_cooled_down, require_owner, video_not_found};
use crate::{
    domain::{Video, VideoId},
    store::{
        errands::{self, About, Errand},
        idempotency, videos, views,
    },
};

impl App {
    /// The files go soon after, however often that takes.
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
        self.hot.forget(id);
        self.errands.wake();
        Ok(())
    }

    /// Deletes a video that the transaction has locked, and tells it.
    pub(super) async fn delete_in_txn(&self, txn: &Txn, video: &Video) -> Result<()> {
        let (db, id) = (txn.as_ref(), video.id);
        // A repeat of its creation must not bring it back without its files.
        idempotency::forget(db, id).await?;
        errands::stop_all_intents_in_txn(db, id).await?;
        videos::delete_in_txn(db, id).await?;
        views::forget_hours(db, id).await?;
        if video.has_files() {
            let about = About { id: self.ids.next(), video: id, upload: None, owner: video.owner };
            errands::insert(db, Errand::removal(about, self.clock.now())).await?;
        }
        self.tell_deleted_in_txn(txn, video).await
    }
}
