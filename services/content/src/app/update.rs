//! Editing a video.

use std::sync::Arc;

use fenz_chassis::uploads::{FileKind, Object, Wanted};
use fenz_core::{Error, Reason, Result, UserId};

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
    /// `EDIT_COOLDOWN`; `VERSION_MISMATCH`; `CATEGORY_NOT_FOUND`,
    /// `TAG_NOT_FOUND` and media's errors for a new thumbnail.
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
                // A concurrent request may have set the same thumbnail.
                let is_needed = thumbnail.is_some() && video.thumbnail != thumbnail;
                self.change_in_txn(&txn, video, edit.changes.clone()).await?;
                Ok(is_needed)
            }
        });
        let changed = changed.await;
        let is_needed = match &changed {
            Ok(is_needed) => *is_needed,
            // The answer to a commit may have been lost.
            Err(_) => videos::find(&self.db, edit.id).await?.is_some_and(|video| video.thumbnail == thumbnail),
        };
        if thumbnail.is_some() && !is_needed {
            self.uploads.release(reservation).await;
        }
        changed?;
        self.reread(edit.id).await
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
        Ok(())
    }
}
