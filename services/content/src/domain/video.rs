//! What a video is.

use std::time::Duration;

use chrono::{DateTime, Utc};
use fenz_chassis::UserId;

use super::HiddenReasons;

/// A video's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VideoId(pub i64);

/// The id of an upload, as media gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadId(pub i64);

/// A category's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CategoryId(pub i64);

/// What it takes to watch a video, or what a viewer holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Anyone; no membership.
    #[default]
    Open,
    /// Free subscribers.
    Subscriber,
    /// Paying members.
    Premium,
}

impl Tier {
    pub fn number(self) -> i32 {
        self as i32
    }

    /// Numbers beyond the last tier are the last: they close more, not less.
    pub fn of(number: i32) -> Self {
        match number {
            ..=0 => Self::Open,
            1 => Self::Subscriber,
            _ => Self::Premium,
        }
    }
}

/// How often a video was watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Views {
    /// By viewers with a membership of the channel.
    pub member: i64,
    /// By everybody else.
    pub other: i64,
}

impl Views {
    pub fn all(self) -> i64 {
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

/// A video with everything that is stored of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Video {
    pub id: VideoId,
    pub channel_id: i64,
    pub owner: UserId,
    pub title: String,
    pub description: String,
    pub category: Option<CategoryId>,
    /// In the order that the owner gave.
    pub tags: Vec<i64>,
    pub tier: Tier,
    pub is_published: bool,
    pub hidden: HiddenReasons,
    /// As stored; views of the last seconds may be in memory still.
    pub views: Views,
    pub duration_seconds: i32,
    pub width: i32,
    pub height: i32,
    /// What it plays; none of one that was imported.
    pub upload: Option<UploadId>,
    pub thumbnail: Option<UploadId>,
    pub created_at: DateTime<Utc>,
    /// The first publication.
    pub published_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
    /// Grows with each change that the owner or a moderator makes; views do not
    /// count.
    pub version: i64,
}

impl Video {
    /// The name that its uploads are claimed under.
    pub fn claim(id: VideoId) -> String {
        format!("video/{}", id.0)
    }

    /// Whether media keeps files of it.
    pub fn has_files(&self) -> bool {
        self.upload.is_some() || self.thumbnail.is_some()
    }

    /// How long it still cannot be edited or deleted.
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
        channel_id: 7,
        owner: UserId(7),
        title: "一個 🎬 title".into(),
        description: "d".into(),
        category: None,
        tags: Vec::new(),
        tier: Tier::Open,
        is_published: true,
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
        // A replica's clock may be behind.
        assert_eq!(video.cooldown_left(ten, after(-5)), Some(ten));
        assert_eq!(video.cooldown_left(Duration::ZERO, after(0)), None);
    }
}
