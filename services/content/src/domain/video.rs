//! Videos.

use std::time::Duration;

use chrono::{DateTime, Utc};
use fenz_core::{CategoryId, ChannelId, TagId, Tier, UploadId, UserId, VideoId};

use super::HiddenReasons;

/// View counts of a video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Views {
    /// By viewers with a membership of the channel.
    pub member: i64,
    /// By everyone else.
    pub other: i64,
}

impl Views {
    pub fn total(self) -> i64 {
        self.member + self.other
    }
}

impl std::ops::Add for Views {
    type Output = Self;
    fn add(self, more: Self) -> Self {
        Self { member: self.member + more.member, other: self.other + more.other }
    }
}

impl std::ops::Sub for Views {
    type Output = Self;
    fn sub(self, less: Self) -> Self {
        Self { member: self.member - less.member, other: self.other - less.other }
    }
}

/// Whether a video's file can be played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MediaStatus {
    /// Media is finding out.
    Processing,
    #[default]
    Ready,
    /// Never; with media's reason.
    Failed(String),
}

impl MediaStatus {
    /// Its name in the contract and the database, and the reason of a failure.
    pub fn names(&self) -> (&'static str, &str) {
        match self {
            Self::Processing => ("processing", ""),
            Self::Ready => ("ready", ""),
            Self::Failed(reason) => ("failed", reason),
        }
    }

    pub fn from_names(status: &str, reason: &str) -> Self {
        match status {
            "processing" => Self::Processing,
            "failed" => Self::Failed(reason.to_owned()),
            _ => Self::Ready,
        }
    }
}

/// A video as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Video {
    pub id: VideoId,
    pub channel_id: ChannelId,
    pub owner: UserId,
    pub title: String,
    pub description: String,
    pub category: Option<CategoryId>,
    /// In the owner's order.
    pub tags: Vec<TagId>,
    pub tier: Tier,
    pub is_published: bool,
    /// When it is to be published; a time that has passed: once it is ready.
    pub publish_at: Option<DateTime<Utc>>,
    pub media: MediaStatus,
    pub hidden: HiddenReasons,
    /// Without views that are not flushed yet.
    pub views: Views,
    pub duration_seconds: i32,
    pub width: i32,
    pub height: i32,
    /// None for imported videos, which have no media.
    pub upload: Option<UploadId>,
    pub thumbnail: Option<UploadId>,
    pub created_at: DateTime<Utc>,
    /// When it was first published.
    pub published_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
    /// Incremented by every edit of the owner or a moderator, not by views.
    pub version: i64,
}

impl Video {
    /// The time left until it can be edited and deleted.
    pub fn cooldown_left(&self, cooldown: Duration, now: DateTime<Utc>) -> Option<Duration> {
        let age = (now - self.created_at).to_std().unwrap_or_default();
        cooldown.checked_sub(age).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
pub(crate) fn sample(id: i64) -> Video {
    let at = DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap();
    Video {
        id: VideoId(id),
        channel_id: ChannelId(7),
        owner: UserId(7),
        title: "一個 🎬 title".into(),
        description: "d".into(),
        category: None,
        tags: Vec::new(),
        tier: Tier::None,
        is_published: true,
        publish_at: None,
        media: MediaStatus::Ready,
        hidden: HiddenReasons::default(),
        views: Views::default(),
        duration_seconds: 5,
        width: 320,
        height: 240,
        upload: Some(UploadId(1000 + id)),
        thumbnail: None,
        created_at: at,
        published_at: Some(at),
        updated_at: at,
        version: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cooldown_ends_on_time() {
        let video = sample(1);
        let ten = Duration::from_secs(600);
        let after = |ms| video.created_at + chrono::TimeDelta::milliseconds(ms);
        assert_eq!(video.cooldown_left(ten, after(0)), Some(ten));
        assert_eq!(video.cooldown_left(ten, after(599_999)), Some(Duration::from_millis(1)));
        assert_eq!(video.cooldown_left(ten, after(600_000)), None);
        // Clocks of replicas differ.
        assert_eq!(video.cooldown_left(ten, after(-5)), Some(ten));
        assert_eq!(video.cooldown_left(Duration::ZERO, after(0)), None);
    }
}
