//! Partial edits: fields that are `None` stay as they are.

use chrono::{DateTime, Utc};

use super::{CategoryId, TagId, Tier, UploadId, Video};

/// What an edit changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub title: Option<String>,
    pub description: Option<String>,
    /// `Some(None)` removes the category.
    #[expect(clippy::option_option, reason = "omitted, removed and set are three cases")]
    pub category: Option<Option<CategoryId>>,
    pub tags: Option<Vec<TagId>>,
    pub thumbnail: Option<UploadId>,
    pub tier: Option<Tier>,
    /// `Some(None)` ends the schedule.
    #[expect(clippy::option_option, reason = "as above")]
    pub publish_at: Option<Option<DateTime<Utc>>>,
}

impl Changes {
    /// Unchanged, version included, when no field is set.
    #[must_use]
    pub fn apply(self, mut video: Video, now: DateTime<Utc>) -> Video {
        if self == Self::default() {
            return video;
        }
        let Self { title, description, category, tags, thumbnail, tier, publish_at } = self;
        video.title = title.unwrap_or(video.title);
        video.description = description.unwrap_or(video.description);
        video.category = category.unwrap_or(video.category);
        video.tags = tags.unwrap_or(video.tags);
        video.thumbnail = thumbnail.or(video.thumbnail);
        video.tier = tier.unwrap_or(video.tier);
        video.publish_at = publish_at.unwrap_or(video.publish_at);
        video.updated_at = now;
        video.version += 1;
        video
    }
}

impl Video {
    /// Sets or clears the moderators' reason to hide it. Idempotent.
    #[must_use]
    pub fn moderated(mut self, hidden: bool, now: DateTime<Utc>) -> Self {
        if self.hidden.moderated() != hidden {
            self.hidden = self.hidden.with_moderation(hidden);
            self.updated_at = now;
            self.version += 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::video::sample;

    #[test]
    fn omitted_fields_stay() {
        let before = Video { tags: vec![TagId(1), TagId(2)], category: Some(CategoryId(3)), ..sample(1) };
        let now = before.created_at + chrono::TimeDelta::hours(1);
        assert_eq!(Changes::default().apply(before.clone(), now), before);
        let changes = Changes { tags: Some(vec![]), category: Some(None), ..Changes::default() };
        let after = changes.apply(before.clone(), now);
        assert_eq!((&*after.tags, after.category, after.version, after.updated_at), (&[][..], None, 2, now));
        assert_eq!((after.title, after.description, after.tier), (before.title, before.description, before.tier));
    }
}
