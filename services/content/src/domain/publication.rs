//! When a video is published: only once its file can be played, at once or at a time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use fenz_core::{Error, Reason, Result};

use super::{MediaStatus, UploadId, Video};

/// How far ahead a publication may be.
const MAX_AHEAD: Duration = Duration::from_secs(366 * 24 * 3600);

/// What media found out about a video's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processed {
    pub upload: UploadId,
    pub media: MediaStatus,
    pub duration_seconds: i32,
    pub width: i32,
    pub height: i32,
    pub poster: Option<UploadId>,
}

/// Checks the time of a publication.
///
/// # Errors
/// `INVALID_PARAMS` on `publishAt` when it has passed or is too far ahead.
pub fn check_time(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<()> {
    match (at - now).to_std() {
        Ok(ahead) if ahead.is_zero() => Err(invalid("should be in the future")),
        Ok(ahead) if ahead > MAX_AHEAD => Err(invalid("should be at most 366 days ahead")),
        Ok(_) => Ok(()),
        Err(_) => Err(invalid("should be in the future")),
    }
}

pub fn invalid(description: &str) -> Error {
    Error::field(Reason::InvalidParams, "publishAt", description)
}

/// Its file cannot be played.
pub fn upload_failed(reason: &str) -> Error {
    let message = "the video cannot be published: its upload cannot be played";
    Error::new(Reason::UploadFailed, message).with("reason", reason)
}

impl Video {
    /// Publishes, as soon as the file can be played, or unpublishes; both end a
    /// schedule. Idempotent. `published_at` keeps the time of the first publication.
    #[must_use]
    pub fn published(self, published: bool, now: DateTime<Utc>) -> Self {
        let mut video = self.clone();
        let is_ready = video.media == MediaStatus::Ready;
        video.is_published = published && (self.is_published || is_ready);
        let waits = published && video.media == MediaStatus::Processing;
        video.publish_at = waits.then(|| self.publish_at.filter(|at| *at <= now).unwrap_or(now));
        if video.is_published {
            video.published_at = video.published_at.or(Some(now));
        }
        if video == self { self } else { video.changed(now) }
    }

    /// Publishes if the time for that has come and the file can be played.
    #[must_use]
    pub fn published_if_due(self, now: DateTime<Utc>) -> Self {
        let is_due = self.publish_at.is_some_and(|at| at <= now) && self.media == MediaStatus::Ready;
        if is_due { self.published(true, now) } else { self }
    }

    /// Applies what media found out, once.
    #[must_use]
    pub fn processed(mut self, processed: Processed, now: DateTime<Utc>) -> Self {
        if self.upload != Some(processed.upload) || self.media != MediaStatus::Processing {
            return self;
        }
        self.duration_seconds = processed.duration_seconds;
        self.width = processed.width;
        self.height = processed.height;
        self.thumbnail = self.thumbnail.or(processed.poster);
        if processed.media != MediaStatus::Ready {
            self.publish_at = None;
        }
        self.media = processed.media;
        self.changed(now).published_if_due(now)
    }

    fn changed(mut self, now: DateTime<Utc>) -> Self {
        self.updated_at = now;
        self.version += 1;
        self
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::domain::video::sample;

    fn unpublished(media: MediaStatus) -> Video {
        Video { is_published: false, published_at: None, thumbnail: None, media, ..sample(1) }
    }

    fn hours(hours: i64) -> DateTime<Utc> {
        sample(1).created_at + TimeDelta::hours(hours)
    }

    fn outcome(video: &Video, media: MediaStatus) -> Processed {
        let upload = video.upload.unwrap();
        Processed { upload, media, duration_seconds: 9, width: 2, height: 1, poster: Some(UploadId(77)) }
    }

    #[test]
    fn published_at_keeps_the_first_publication() {
        let new = unpublished(MediaStatus::Ready);
        let first = new.published(true, hours(1));
        assert_eq!((first.published_at, first.version), (Some(hours(1)), 2));
        assert_eq!(first.clone().published(true, hours(2)), first);
        let again = first.published(false, hours(3)).published(true, hours(4));
        assert_eq!((again.published_at, again.updated_at, again.version), (Some(hours(1)), hours(4), 4));
    }

    #[test]
    fn publishing_waits_for_the_file() {
        let waiting = unpublished(MediaStatus::Processing).published(true, hours(1));
        assert_eq!((waiting.is_published, waiting.publish_at), (false, Some(hours(1))));
        assert_eq!(waiting.clone().published(true, hours(2)), waiting);

        let ready = waiting.clone().processed(outcome(&waiting, MediaStatus::Ready), hours(3));
        assert_eq!((ready.is_published, ready.published_at, ready.publish_at), (true, Some(hours(3)), None));
        assert_eq!((ready.duration_seconds, ready.thumbnail), (9, Some(UploadId(77))));
        assert_eq!(ready.clone().processed(outcome(&ready, MediaStatus::Ready), hours(4)), ready, "once");

        let failed = waiting.clone().processed(outcome(&waiting, MediaStatus::Failed("X".into())), hours(3));
        assert_eq!((failed.is_published, failed.publish_at), (false, None));
        let withdrawn = waiting.clone().published(false, hours(2));
        let ready = withdrawn.clone().processed(outcome(&withdrawn, MediaStatus::Ready), hours(3));
        assert!(!ready.is_published, "it was taken back");
        let other = Processed { upload: UploadId(5), ..outcome(&waiting, MediaStatus::Ready) };
        assert_eq!(waiting.clone().processed(other, hours(3)), waiting, "another file");
    }

    #[test]
    fn a_schedule_publishes_when_its_time_has_come_and_the_file_is_ready() {
        let scheduled = Video { publish_at: Some(hours(2)), ..unpublished(MediaStatus::Ready) };
        assert_eq!(scheduled.clone().published_if_due(hours(1)), scheduled);
        assert!(scheduled.clone().published_if_due(hours(2)).is_published);
        let early = Video { media: MediaStatus::Processing, ..scheduled };
        assert_eq!(early.clone().published_if_due(hours(3)), early);
        assert!(!early.clone().processed(outcome(&early, MediaStatus::Ready), hours(1)).is_published);
        assert!(early.clone().processed(outcome(&early, MediaStatus::Ready), hours(3)).is_published);
    }

    #[test]
    fn a_time_is_ahead_and_within_a_year() {
        assert!(check_time(hours(1), hours(0)).is_ok() && check_time(hours(366 * 24), hours(0)).is_ok());
        for wrong in [hours(0), hours(-1), hours(366 * 24 + 1)] {
            assert_eq!(check_time(wrong, hours(0)).unwrap_err().reason, Reason::InvalidParams);
        }
    }
}
