//! The indexed documents.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Datelike};

/// A searchable video.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Document {
    pub id: i64,
    pub channel_id: i64,
    /// 0 for none.
    pub category_id: i64,
    pub tag_ids: Vec<i64>,
    pub title: String,
    pub description: String,
    pub tag_names: Vec<String>,
    pub channel_name: String,
    /// Seconds.
    pub duration: i64,
    /// Unix seconds.
    pub published_at: i64,
    pub views: u64,
    /// 0 is public, 1 and 2 are for members.
    pub tier: u8,
}

/// A change of a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds or replaces the video. If only its views differ, no document is
    /// written: view counts are stored beside the index.
    Put(Document),
    /// Sets the view count of a video, if it exists, without waiting for a commit.
    Viewed { id: i64, views: u64 },
    /// Deletes the video.
    Delete(i64),
}

impl Document {
    /// Equal for documents that differ in their views only.
    pub(crate) fn digest(&self) -> u64 {
        let Self { id, channel_id, category_id, tag_ids, title, description, tag_names, channel_name, .. } = self;
        // Its algorithm may change with the compiler; all documents are then
        // rewritten once.
        let mut hasher = DefaultHasher::new();
        (id, channel_id, category_id, tag_ids).hash(&mut hasher);
        (title, description, tag_names, channel_name).hash(&mut hasher);
        (self.duration, self.published_at, self.tier).hash(&mut hasher);
        hasher.finish()
    }

    pub(crate) fn attributes(&self) -> Attributes {
        let year = DateTime::from_timestamp(self.published_at, 0).map_or(Attributes::FIRST_YEAR, |at| at.year());
        Attributes { year, band: Band::of(self.duration), tier: self.tier.min(3) }
    }
}

/// A range of durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// Under 4 minutes.
    Short,
    /// 4 to 20 minutes.
    Medium,
    /// Over 20 minutes.
    Long,
}

impl Band {
    pub fn of(seconds: i64) -> Self {
        match seconds {
            ..240 => Self::Short,
            240..=1200 => Self::Medium,
            _ => Self::Long,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Medium => "medium",
            Self::Long => "long",
        }
    }
}

/// Small fields of a video packed into one number, for one lookup per hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub year: i32,
    pub band: Band,
    pub tier: u8,
}

impl Attributes {
    pub const FIRST_YEAR: i32 = 1970;
    /// Distinct years; later ones count as the last.
    pub const YEARS: usize = 256;
    /// Values of [`Self::bucket`].
    pub const BUCKETS: usize = Self::YEARS * 4;

    pub fn pack(self) -> u64 {
        let year = (self.year - Self::FIRST_YEAR).clamp(0, Self::YEARS as i32 - 1) as u64;
        year << 4 | (self.band as u64) << 2 | u64::from(self.tier)
    }

    pub fn tier(packed: u64) -> u8 {
        (packed & 3) as u8
    }

    /// Year and band, as an index for counting.
    pub fn bucket(packed: u64) -> usize {
        ((packed >> 2) as usize).min(Self::BUCKETS - 1)
    }

    pub fn year_and_band(bucket: usize) -> (i32, Band) {
        let band = [Band::Short, Band::Medium, Band::Long, Band::Long][bucket & 3];
        ((bucket >> 2) as i32 + Self::FIRST_YEAR, band)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_packed_and_read() {
        let video = Document { published_at: 1_735_689_600, duration: 1_200, tier: 2, ..Document::default() };
        let packed = video.attributes().pack();
        assert_eq!(Attributes::tier(packed), 2);
        assert_eq!(Attributes::year_and_band(Attributes::bucket(packed)), (2025, Band::Medium));
        assert_eq!([239, 240, 1_200, 1_201].map(|s| Band::of(s).name()), ["short", "medium", "medium", "long"]);
    }

    #[test]
    fn views_do_not_change_the_digest() {
        let video = Document { id: 1, title: "a".into(), ..Document::default() };
        assert_eq!(video.digest(), Document { views: 9, ..video.clone() }.digest());
        assert_ne!(video.digest(), Document { tier: 1, ..video.clone() }.digest());
    }
}
