//! Editing a video.

use std::sync::Arc;

use fenz_chassis::{Error, Reason, Result, UserId, database::Txn};
use sea_orm::ConnectionTrait;

use super::{App, HotVideo, create::require_category, require_cooled_down, require_owner, video_not_found};
use crate::{
    clients::Kind,
    domain::{UploadId, Video, VideoId, changes::Changes, if_match},
    store::{
        errands::{self, About, Errand},
        videos,
    },
};

/// An edit by a caller.
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
    /// `TAG_NOT_FOUND` and what media says of a new thumbnail.
    pub async fn update(&self, edit: Edit) -> Result<Arc<HotVideo>> {
        self.require_tags(&edit).await?;
        match self.begin(&edit).await? {
            None => {}
            Some(intent) => {
                if let Err(error) = self.finish(&edit, &intent).await {
                    if let Err(problem) = self.errands.give_up(&intent).await {
                        // The intent is stored: a job goes on with it.
                        tracing::warn!(error = %problem, video.id = edit.id.0, "a thumbnail is handed back later");
                    }
                    return Err(error);
                }
                self.errands.wake();
            }
        }
        self.reread(edit.id).await
    }

    /// Tags that come new are asked for; it takes a network call, so before the
    /// transaction.
    async fn require_tags(&self, edit: &Edit) -> Result<()> {
        let Some(tags) = &edit.changes.tags else { return Ok(()) };
        let video = videos::find(&self.db, edit.id).await?.ok_or_else(video_not_found)?;
        require_owner(&video, edit.caller)?;
        let new: Vec<_> = tags.iter().copied().filter(|tag| !video.tags.contains(tag)).collect();
        self.tags.require(&new).await
    }

    /// Does an edit without a new thumbnail at once. With one, stores the intent
    /// to claim it.
    async fn begin(&self, edit: &Edit) -> Result<Option<Errand>> {
        let intent_id = self.ids.next();
        let begun = self.outbox.transact(|txn| async move {
            let video = self.editable_in_txn(&*txn, edit).await?;
            require_category(&*txn, edit.changes.category.flatten()).await?;
            let Some(thumbnail) = edit.changes.thumbnail.filter(|t| video.thumbnail != Some(*t)) else {
                self.apply_in_txn(&txn, edit, video).await?;
                return Ok(None);
            };
            require_free(&*txn, edit.id, thumbnail).await?;
            let due_at = self.clock.after(self.config.claim_timeout);
            let about = About { id: intent_id, video: edit.id, upload: Some(thumbnail), owner: edit.caller };
            let intent = Errand::intent(about, due_at);
            errands::insert(&*txn, intent).await?;
            Ok(Some(intent))
        });
        begun.await
    }

    /// Claims the new thumbnail, then does the edit.
    async fn finish(&self, edit: &Edit, intent: &Errand) -> Result<()> {
        if let Some(thumbnail) = intent.upload {
            self.uploads.claim(Kind::Thumbnail, thumbnail, edit.caller, edit.id).await?;
        }
        let removal = self.ids.next();
        let finished = self.outbox.transact(|txn| async move {
            let video = self.editable_in_txn(&*txn, edit).await?;
            if !errands::take_back_in_txn(&*txn, intent.id).await? {
                let reason = anyhow::anyhow!("the claim of a thumbnail of video {} was released", edit.id.0);
                return Err(Error::unavailable("the upload", reason));
            }
            require_category(&*txn, edit.changes.category.flatten()).await?;
            if let Some(old) = video.thumbnail.filter(|old| intent.upload != Some(*old)) {
                let about = About { id: removal, video: edit.id, upload: Some(old), owner: edit.caller };
                errands::insert(&*txn, Errand::removal(about, self.clock.now())).await?;
            }
            self.apply_in_txn(&txn, edit, video).await
        });
        finished.await
    }

    /// The video, if it may be edited now.
    async fn editable_in_txn(&self, txn: &impl ConnectionTrait, edit: &Edit) -> Result<Video> {
        let video = videos::lock_in_txn(txn, edit.id).await?.ok_or_else(video_not_found)?;
        require_owner(&video, edit.caller)?;
        require_cooled_down(&video, &self.config, &self.clock)?;
        if edit.if_match.as_deref().is_some_and(|header| !if_match::matches(header, video.version)) {
            return Err(Error::new(Reason::VersionMismatch, "the video has changed since you read it"));
        }
        Ok(video)
    }

    async fn apply_in_txn(&self, txn: &Txn, edit: &Edit, before: Video) -> Result<()> {
        let after = edit.changes.clone().apply(before.clone(), self.clock.now());
        if after.version == before.version {
            return Ok(());
        }
        videos::update_in_txn(txn.as_ref(), &after).await?;
        self.tell_in_txn(txn, Some(&before), &after).await
    }
}

/// A picture that this video has just dropped is on its way out.
async fn require_free(txn: &impl ConnectionTrait, video: VideoId, thumbnail: UploadId) -> Result<()> {
    if errands::is_being_released(txn, video, thumbnail).await? {
        return Err(Kind::Thumbnail.not_found());
    }
    Ok(())
}
