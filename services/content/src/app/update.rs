//! Editing a video.

use std::sync::Arc;

use fenz_chassis::uploads::{FileKind, Object, Reservation, Wanted};
use fenz_core::{Error, Reason, Result, UserId};
use fenz_database::transact;

use super::{App, CachedVideo, create::require_category, require_cooled_down, require_owner, video_not_found};
use crate::{
    domain::{Video, VideoId, changes::Changes, if_match},
    store::videos,
};

#[derive(Clone, Debug)]
pub struct Edit {
    pub id: VideoId,
    pub caller: UserId,
    /// The `If-Match` header.
    pub if_match: Option<String>,
    pub changes: Changes,
}

impl App {
    /// # Errors
    /// `VIDEO_NOT_FOUND`; `PERMISSION_DENIED` for somebody else's;
    /// `EDIT_COOLDOWN`; `VERSION_MISMATCH`; `INVALID_PARAMS` and `UPLOAD_FAILED` for a
    /// time of publication; `CATEGORY_NOT_FOUND`, `TAG_NOT_FOUND` and media's errors for a new thumbnail.
    pub async fn update(&self, edit: Edit) -> Result<Arc<CachedVideo>> {
        let before = videos::find(&self.db, edit.id).await?.ok_or_else(video_not_found)?;
        require_owner(&before, edit.caller)?;
        self.require_tags(&before, &edit).await?;
        self.check_editable(&before, &edit)?;
        let mut reservation = self.uploads.begin();
        let thumbnail = edit.changes.thumbnail.filter(|new| before.thumbnail != Some(*new));
        if let Some(upload) = thumbnail {
            let object = Object::VideoId(edit.id.0);
            let (owner, kind, field) = (edit.caller, FileKind::Image, "thumbnailUploadId");
            self.uploads.reserve(&mut reservation, Wanted { upload, owner, kind, object, field }).await?;
        }
        let changed = self.outbox.transact(|txn| {
            let (edit, reservation) = (&edit, &reservation);
            async move {
                let video = videos::lock_in_txn(&*txn, edit.id).await?.ok_or_else(video_not_found)?;
                self.check_editable(&video, edit)?;
                require_category(&*txn, edit.changes.category.flatten()).await?;
                reservation.check()?;
                if thumbnail.is_none() && edit.changes.thumbnail.is_some_and(|kept| video.thumbnail != Some(kept)) {
                    return Err(thumbnail_replaced());
                }
                // A concurrent request may have set the same one.
                let uses_upload = video.thumbnail != thumbnail;
                self.change_in_txn(&txn, video, edit.changes.clone()).await?;
                Ok(uses_upload)
            }
        });
        match changed.await {
            Ok(true) => {}
            Ok(false) => self.uploads.release(reservation).await,
            Err(error) => self.recover(&edit, reservation, error).await?,
        }
        self.reread(edit.id).await
    }

    /// After a failed transaction. When the database failed, it may have committed all
    /// the same: only the row tells.
    async fn recover(&self, edit: &Edit, reservation: Reservation, error: Error) -> Result<()> {
        if fenz_database::cause(&error).is_some() {
            // The lock waits for a commit that is still going on.
            let stored = transact(&self.db, |txn| async move { Ok(videos::lock_in_txn(&*txn, edit.id).await?) });
            match stored.await {
                Ok(Some(video)) if Self::is_applied(edit, &video) => return Ok(()),
                Ok(_) => {}
                // Unknown: media asks when the reservation's time is over.
                Err(_) => return Err(error),
            }
        }
        self.uploads.release(reservation).await;
        Err(error)
    }

    fn is_applied(edit: &Edit, video: &Video) -> bool {
        let after = edit.changes.clone().apply(video.clone(), video.updated_at);
        Video { version: video.version, ..after } == *video
    }

    /// Checks added tags. Before the transaction, as it needs a network call.
    async fn require_tags(&self, video: &Video, edit: &Edit) -> Result<()> {
        let Some(tags) = &edit.changes.tags else { return Ok(()) };
        let new: Vec<_> = tags.iter().copied().filter(|tag| !video.tags.contains(tag)).collect();
        self.tags.require(&new).await
    }

    fn check_editable(&self, video: &Video, edit: &Edit) -> Result<()> {
        require_owner(video, edit.caller)?;
        require_cooled_down(video, &self.config, &self.clock)?;
        if edit.if_match.as_deref().is_some_and(|header| !if_match::matches(header, video.version)) {
            return Err(Error::new(Reason::VersionMismatch, "the video has changed since you read it"));
        }
        match edit.changes.publish_at.flatten() {
            Some(at) if video.publish_at != Some(at) => self.check_schedule(video, at),
            _ => Ok(()),
        }
    }
}

/// The video had the thumbnail that the edit names, so it was not reserved again.
fn thumbnail_replaced() -> Error {
    Error::unavailable(
        "the video",
        anyhow::anyhow!("a concurrent edit has replaced the thumbnail that this edit names"),
    )
}
