//! Moderation of videos.

use std::sync::Arc;

use fenz_contract::events::v1::UserModerated;
use fenz_core::{Error, Reason, Result, User};
use fenz_events::AuditEntry;
use serde_json::json;

use super::{App, CachedVideo, list::ListedVideo, video_not_found};
use crate::{
    domain::{ReviewFilter, VideoId, page::Page},
    store::{listing, videos},
};

impl App {
    /// A page of videos in every state, and their total.
    pub async fn review(&self, filter: ReviewFilter, page: Page) -> Result<(Vec<ListedVideo>, u64)> {
        let (videos, total) = listing::for_review(&self.db, filter, page).await?;
        Ok((self.with_channels(videos).await?, total))
    }

    /// Hides a video, or restores it unless something else hides it. Idempotent.
    /// `text` is shown to the owner.
    ///
    /// # Errors
    /// `VIDEO_NOT_FOUND`; `PERMISSION_DENIED` on one's own.
    pub async fn moderate(&self, id: VideoId, actor: &User, hide: bool, text: &str) -> Result<Arc<CachedVideo>> {
        let moderate = self.outbox.transact(|txn| async move {
            let before = videos::lock_in_txn(&*txn, id).await?.ok_or_else(video_not_found)?;
            if before.owner == actor.id {
                return Err(Error::new(Reason::PermissionDenied, "nobody moderates their own video"));
            }
            if before.hidden.moderated() == hide {
                return Ok(());
            }
            let after = before.clone().moderated(hide, self.clock.now());
            videos::update_in_txn(&*txn, &after).await?;
            self.emit_changed_in_txn(&txn, Some(&before), &after).await?;
            let outcome = if hide { "hidden" } else { "restored" };
            let event = UserModerated {
                user_id: after.owner.0,
                outcome: outcome.to_owned(),
                object_type: "video".to_owned(),
                object_id: id.0,
                object_title: after.title.clone(),
                text: text.to_owned(),
                until: None,
                occurred_at: Some(self.clock.now().into()),
            };
            self.outbox.emit(&txn, &event).await?;
            let state = |hidden: bool| json!({"isHidden": hidden, "title": after.title});
            let mut now = state(hide);
            if !text.is_empty() {
                now["text"] = json!(text);
            }
            let entry = AuditEntry {
                actor: Some(actor.id),
                action: if hide { "video.hidden" } else { "video.restored" },
                object_type: "video",
                object_id: id.0.to_string(),
                before: Some(state(!hide)),
                after: Some(now),
                about: Some(after.owner),
                address: None,
            };
            self.outbox.audit(&txn, entry).await
        });
        moderate.await?;
        self.reread(id).await
    }
}
