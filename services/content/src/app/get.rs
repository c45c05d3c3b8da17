//! Watching a video.

use std::{sync::Arc, time::Duration};

use fenz_chassis::{Caller, Error, Reason, Result, Role, User};

use super::{App, HotVideo, Visitor, video_not_found};
use crate::domain::{
    Tier, VideoId,
    access::{Decision, Viewer, decide, is_public},
};

/// How long a view waits for the word whether it is a member's.
const MEMBER_WAIT: Duration = Duration::from_millis(500);

/// Who wants to watch.
pub struct Watch<'a> {
    pub caller: &'a Caller,
    pub visitor: Visitor<'a>,
}

impl App {
    /// A video that the caller may watch. Counts the view.
    ///
    /// # Errors
    /// `VIDEO_NOT_FOUND`, also for what the caller may not know of;
    /// `MEMBERSHIP_REQUIRED` and `PREMIUM_REQUIRED` with what can be shown of
    /// it; `UNAVAILABLE` when memberships are needed and cannot be asked for.
    pub async fn get(&self, id: VideoId, watch: Watch<'_>) -> Result<Arc<HotVideo>> {
        let hot = self.hot.get(id).await?.ok_or_else(video_not_found)?;
        let viewer = self.viewer(&hot, watch.caller).await?;
        match decide(hot.facts(), viewer) {
            Decision::Allow => {}
            Decision::NotFound => return Err(video_not_found()),
            Decision::MembershipRequired => {
                return Err(refuse(&hot, Reason::MembershipRequired, "this video is for members of the channel"));
            }
            Decision::PremiumRequired => {
                return Err(refuse(&hot, Reason::PremiumRequired, "this video is for premium members of the channel"));
            }
        }
        if is_public(hot.facts()) && viewer != Viewer::Owner {
            self.note_view(&hot, viewer, &watch).await;
        }
        Ok(hot)
    }

    /// Counts a view, and keeps it in the viewer's history.
    async fn note_view(&self, hot: &HotVideo, viewer: Viewer, watch: &Watch<'_>) {
        if let Some(user) = watch.caller.user() {
            self.history.note(user.id, hot.video.id, self.clock.now());
        }
        if let Some(view) = self.views.begin(hot.video.id, watch.visitor) {
            let is_member = self.is_member(hot, viewer, watch.caller.user()).await;
            self.views.count(&view, is_member, &hot.counter).await;
        }
    }

    async fn viewer(&self, hot: &HotVideo, caller: &Caller) -> Result<Viewer> {
        let Some(user) = caller.user() else { return Ok(Viewer::Anonymous) };
        let video = &hot.video;
        if user.id == video.owner {
            return Ok(Viewer::Owner);
        }
        if user.role >= Role::Moderator {
            return Ok(Viewer::Staff);
        }
        // Asked only where it decides something.
        if video.tier == Tier::Open || !is_public(hot.facts()) {
            return Ok(Viewer::SignedIn(Tier::Open));
        }
        Ok(Viewer::SignedIn(self.memberships.held(user.id, video.channel_id, video.tier).await?))
    }

    /// Whether a view is a member's. Where that cannot be found out it is not:
    /// watching must not wait for statistics.
    async fn is_member(&self, hot: &HotVideo, viewer: Viewer, user: Option<&User>) -> bool {
        let Some(user) = user else { return false };
        let video = &hot.video;
        if let Viewer::SignedIn(held) = viewer
            && video.tier != Tier::Open
        {
            return held > Tier::Open;
        }
        let held = self.memberships.held(user.id, video.channel_id, Tier::Subscriber);
        let held = tokio::time::timeout(MEMBER_WAIT, held).await;
        matches!(held, Ok(Ok(held)) if held > Tier::Open)
    }
}

/// A refusal with enough to offer the membership.
fn refuse(hot: &HotVideo, reason: Reason, message: &str) -> Error {
    Error::new(reason, message)
        .with("tier", hot.video.tier.number())
        .with("title", &hot.video.title)
        .with("thumbnailUrl", &hot.thumbnail_url)
}
