//! What moderators do to videos.

use std::sync::Arc;

use fenz_chassis::{Error, Reason, Result, User};
use fenz_contract::events::v1::UserModerated;
use fenz_events::Act;
use serde_json::json;

use super::{App, HotVideo, list::Listed, video_not_found};
use crate::{
    domain::{VideoId, page::Page},
    store::{
        listing::{self, Review},
        videos,
    },
};

impl App {
    /// Videos in every state, and how many there are.
    pub async fn review(&self, review: Review, page: Page) -> Result<(Vec<Listed>, u64)> {
        let (videos, total) = listing::in_review(&self.db, review, page).await?;
        Ok((self.with_channels(videos).await?, total))
    }

    /// Takes a video out of sight, or takes that back; what else hides it stays.
    /// A repeat changes nothing and tells nothing. `text` is for the owner.
    ///
    /// # Errors
    /// `VIDEO_NOT_FOUND`; `PERMISSION_DENIED` on one's own.
    pub async fn moderate(&self, id: VideoId, actor: &User, hide: bool, text: &str) -> Result<Arc<HotVideo>> {
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
            self.tell_in_txn(&txn, Some(&before), &after).await?;
            let outcome = if hide { "hidden" } else { "restored" };
            let told = UserModerated {
                user_id: after.owner.0,
                outcome: outcome.to_owned(),
                object_type: "video".to_owned(),
                object_id: id.0,
                object_title: after.title.clone(),
                text: text.to_owned(),
                until: None,
                occurred_at: Some(self.clock.now().into()),
            };
            self.outbox.emit(&txn, &told).await?;
            let state = |hidden: bool| json!({"isHidden": hidden, "title": after.title});
            let mut now = state(hide);
            if !text.is_empty() {
                now["text"] = json!(text);
            }
            let act = Act {
                actor: Some(actor.id),
                action: if hide { "video.hidden" } else { "video.restored" },
                object_type: "video",
                object_id: id.0.to_string(),
                before: Some(state(!hide)),
                after: Some(now),
                about: Some(after.owner),
                address: None,
            };
            self.outbox.audit(&txn, act).await
        });
        moderate.await?;
        self.reread(id).await
    }
}
