//! Watching a video.

use std::{sync::Arc, time::Duration};

use fenz_core::{Caller, Error, Reason, Result, Role, User};

use super::{App, CachedVideo, Visitor, video_not_found};
use crate::domain::{
    Tier, VideoId,
    access::{Decision, Viewer, decide, is_public},
};

/// Limit of the membership query that decides whether a view counts as a member's.
const MEMBERSHIP_TIMEOUT: Duration = Duration::from_millis(500);

pub struct WatchRequest<'a> {
    pub caller: &'a Caller,
    pub visitor: Visitor<'a>,
}

impl App {
    /// A video that the caller may watch. Counts the view.
    ///
    /// # Errors
    /// `VIDEO_NOT_FOUND`, also for videos that the caller may not see;
    /// `MEMBERSHIP_REQUIRED` and `PREMIUM_REQUIRED` with the video's title and
    /// thumbnail; `UNAVAILABLE` when a required membership query fails.
    pub async fn get(&self, id: VideoId, request: WatchRequest<'_>) -> Result<Arc<CachedVideo>> {
        let cached = self.cache.get(id).await?.ok_or_else(video_not_found)?;
        let viewer = self.viewer(&cached, request.caller).await?;
        match decide(cached.access(), viewer) {
            Decision::Allow => {}
            Decision::NotFound => return Err(video_not_found()),
            Decision::MembershipRequired => {
                return Err(denied(&cached, Reason::MembershipRequired, "this video is for members of the channel"));
            }
            Decision::PremiumRequired => {
                return Err(denied(
                    &cached,
                    Reason::PremiumRequired,
                    "this video is for premium members of the channel",
                ));
            }
        }
        if is_public(cached.access()) && viewer != Viewer::Owner {
            self.record_view(&cached, viewer, &request).await;
        }
        Ok(cached)
    }

    /// Counts a view, and adds it to the viewer's history.
    async fn record_view(&self, cached: &CachedVideo, viewer: Viewer, request: &WatchRequest<'_>) {
        if let Some(user) = request.caller.user() {
            self.history.push(user.id, cached.video.id, self.clock.now());
        }
        if let Some(view) = self.views.deduplicate(cached.video.id, request.visitor) {
            let is_member = self.is_member(cached, viewer, request.caller.user()).await;
            self.views.count(&view, is_member, &cached.counter).await;
        }
    }

    async fn viewer(&self, cached: &CachedVideo, caller: &Caller) -> Result<Viewer> {
        let Some(user) = caller.user() else { return Ok(Viewer::Anonymous) };
        let video = &cached.video;
        if user.id == video.owner {
            return Ok(Viewer::Owner);
        }
        if user.role >= Role::Moderator {
            return Ok(Viewer::Staff);
        }
        // Memberships are queried only where they decide.
        if video.tier == Tier::None || !is_public(cached.access()) {
            return Ok(Viewer::SignedIn(Tier::None));
        }
        Ok(Viewer::SignedIn(self.memberships.tier(user.id, video.channel_id, video.tier).await?))
    }

    /// Whether a view counts as a member's. False when the query fails or is slow, as
    /// watching must not wait for statistics.
    async fn is_member(&self, cached: &CachedVideo, viewer: Viewer, user: Option<&User>) -> bool {
        let Some(user) = user else { return false };
        let video = &cached.video;
        if let Viewer::SignedIn(tier) = viewer
            && video.tier != Tier::None
        {
            return tier > Tier::None;
        }
        let tier = self.memberships.tier(user.id, video.channel_id, Tier::Subscriber);
        let tier = tokio::time::timeout(MEMBERSHIP_TIMEOUT, tier).await;
        matches!(tier, Ok(Ok(tier)) if tier > Tier::None)
    }
}

/// With enough for a client to offer the membership.
fn denied(cached: &CachedVideo, reason: Reason, message: &str) -> Error {
    Error::new(reason, message)
        .with("tier", cached.video.tier.number())
        .with("title", &cached.video.title)
        .with("thumbnailUrl", &cached.thumbnail_url)
}
