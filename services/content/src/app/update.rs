//! Editing a video.

use std::sync::Arc;

use fenz_core::{Error, Reason, Result, UserId};
use sea_orm::ConnectionTrait;

use super::{App, CachedVideo, create::require_category, require_cooled_down, require_owner, video_not_found};
use crate::{
    clients::Kind,
    domain::{UploadId, Video, VideoId, changes::Changes, if_match},
    store::{
        pending_calls::{self, CallTarget, PendingCall},
        videos,
    },
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
        self.require_tags(&edit).await?;
        if let Some(intent) = self.begin(&edit).await? {
            if let Err(error) = self.finish(&edit, &intent).await {
                if let Err(problem) = self.pending_calls.cancel(&intent).await {
                    tracing::warn!(error = %problem, video.id = edit.id.0, "release of thumbnail failed; the job retries");
                }
                return Err(error);
            }
            self.pending_calls.notify();
        }
        self.reread(edit.id).await
    }

    /// Checks added tags. Before the transaction, as it needs a network call.
    async fn require_tags(&self, edit: &Edit) -> Result<()> {
        let Some(tags) = &edit.changes.tags else { return Ok(()) };
        let video = videos::find(&self.db, edit.id).await?.ok_or_else(video_not_found)?;
        require_owner(&video, edit.caller)?;
        let new: Vec<_> = tags.iter().copied().filter(|tag| !video.tags.contains(tag)).collect();
        self.tags.require(&new).await
    }

    /// Applies an edit without a new thumbnail. With one, stores the intent to claim
    /// it.
    async fn begin(&self, edit: &Edit) -> Result<Option<PendingCall>> {
        let intent_id = self.ids.next();
        let begun = self.outbox.transact(|txn| async move {
            let video = self.editable_in_txn(&*txn, edit).await?;
            require_category(&*txn, edit.changes.category.flatten()).await?;
            let Some(thumbnail) = edit.changes.thumbnail.filter(|t| video.thumbnail != Some(*t)) else {
                self.change_in_txn(&txn, video, edit.changes.clone()).await?;
                return Ok(None);
            };
            require_claimable(&*txn, edit.id, thumbnail).await?;
            let due_at = self.clock.after(self.config.claim_timeout);
            let target = CallTarget { id: intent_id, video: edit.id, upload: Some(thumbnail), owner: edit.caller };
            let intent = PendingCall::intent(target, due_at);
            pending_calls::insert(&*txn, intent).await?;
            Ok(Some(intent))
        });
        begun.await
    }

    /// Claims the new thumbnail, then applies the edit.
    async fn finish(&self, edit: &Edit, intent: &PendingCall) -> Result<()> {
        if let Some(thumbnail) = intent.upload {
            self.uploads.claim(Kind::Thumbnail, thumbnail, edit.caller, edit.id).await?;
        }
        let removal = self.ids.next();
        let finished = self.outbox.transact(|txn| async move {
            let video = self.editable_in_txn(&*txn, edit).await?;
            if !pending_calls::complete_intent_in_txn(&*txn, intent.id).await? {
                let reason = anyhow::anyhow!("the claim of a thumbnail of video {} was released", edit.id.0);
                return Err(Error::unavailable("the upload", reason));
            }
            require_category(&*txn, edit.changes.category.flatten()).await?;
            if let Some(old) = video.thumbnail.filter(|old| intent.upload != Some(*old)) {
                let target = CallTarget { id: removal, video: edit.id, upload: Some(old), owner: edit.caller };
                pending_calls::insert(&*txn, PendingCall::removal(target, self.clock.now())).await?;
            }
            self.change_in_txn(&txn, video, edit.changes.clone()).await
        });
        finished.await
    }

    /// Locks the video, if it may be edited now.
    async fn editable_in_txn(&self, txn: &impl ConnectionTrait, edit: &Edit) -> Result<Video> {
        let video = videos::lock_in_txn(txn, edit.id).await?.ok_or_else(video_not_found)?;
        require_owner(&video, edit.caller)?;
        require_cooled_down(&video, &self.config, &self.clock)?;
        if edit.if_match.as_deref().is_some_and(|header| !if_match::matches(header, video.version)) {
            return Err(Error::new(Reason::VersionMismatch, "the video has changed since you read it"));
        }
        Ok(video)
    }
}

/// A thumbnail that this video has just replaced has a pending release.
async fn require_claimable(txn: &impl ConnectionTrait, video: VideoId, thumbnail: UploadId) -> Result<()> {
    if pending_calls::is_being_released(txn, video, thumbnail).await? {
        return Err(Kind::Thumbnail.not_found());
    }
    Ok(())
}
