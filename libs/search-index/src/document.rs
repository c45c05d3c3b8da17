//! What is indexed.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Datelike};

/// A video as it is found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Document {
    pub id: i64,
    pub channel_id: i64,
    /// 0 without one.
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
    /// 0 is for all, 1 and 2 for members.
    pub tier: u8,
}

/// Something that happened to a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The video is this now. When only its views are new, nothing is written:
    /// they are kept beside the index.
    Put(Document),
    /// The video has been viewed so often. Counts at once, and changes nothing
    /// where there is no such video.
    Viewed { id: i64, views: u64 },
    /// The video is not to be found any more.
    Gone(i64),
}

impl Document {
    /// The same as long as everything but the views is.
    pub(crate) fn digest(&self) -> u64 {
        let Self { id, channel_id, category_id, tag_ids, title, description, tag_names, channel_name, .. } = self;
        // Its algorithm may change with the compiler; the documents are then
        // written once more.
        let mut hasher = DefaultHasher::new();
        (id, channel_id, category_id, tag_ids).hash(&mut hasher);
        (title, description, tag_names, channel_name).hash(&mut hasher);
        (self.duration, self.published_at, self.tier).hash(&mut hasher);
        hasher.finish()
    }

    pub(crate) fn facts(&self) -> Facts {
        let year = DateTime::from_timestamp(self.published_at, 0).map_or(Facts::FIRST_YEAR, |at| at.year());
        Facts { year, band: Band::of(self.duration), tier: self.tier.min(3) }
    }
}

/// How long a video is, roughly.
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

/// Small things about a video in one number: one look answers several
/// questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub year: i32,
    pub band: Band,
    pub tier: u8,
}

impl Facts {
    pub const FIRST_YEAR: i32 = 1970;
    /// Years that are counted; later ones are counted as the last.
    pub const YEARS: usize = 256;
    /// Values of [`Self::slot`].
    pub const SLOTS: usize = Self::YEARS * 4;

    pub fn pack(self) -> u64 {
        let year = (self.year - Self::FIRST_YEAR).clamp(0, Self::YEARS as i32 - 1) as u64;
        year << 4 | (self.band as u64) << 2 | u64::from(self.tier)
    }

    /// The tier of packed facts.
    pub fn tier(packed: u64) -> u8 {
        (packed & 3) as u8
    }

    /// Year and band of packed facts, for counting.
    pub fn slot(packed: u64) -> usize {
        ((packed >> 2) as usize).min(Self::SLOTS - 1)
    }

    pub fn year_and_band(slot: usize) -> (i32, Band) {
        let band = [Band::Short, Band::Medium, Band::Long, Band::Long][slot & 3];
        ((slot >> 2) as i32 + Self::FIRST_YEAR, band)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_packed_and_read() {
        let video = Document { published_at: 1_735_689_600, duration: 1_200, tier: 2, ..Document::default() };
        let packed = video.facts().pack();
        assert_eq!(Facts::tier(packed), 2);
        assert_eq!(Facts::year_and_band(Facts::slot(packed)), (2025, Band::Medium));
        assert_eq!([239, 240, 1_200, 1_201].map(|s| Band::of(s).name()), ["short", "medium", "medium", "long"]);
    }

    #[test]
    fn views_do_not_change_the_digest() {
        let video = Document { id: 1, title: "a".into(), ..Document::default() };
        assert_eq!(video.digest(), Document { views: 9, ..video.clone() }.digest());
        assert_ne!(video.digest(), Document { tier: 1, ..video.clone() }.digest());
    }
}
