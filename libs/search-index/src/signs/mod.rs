//! Where signs stand: a file of our own beside tantivy's in each segment.
//!
//! Each sign is kept alone, and together with the one behind it. Most searched
//! words are two signs, which such a pair finds without a look at positions, and
//! longer ones need few of them.
//!
//! A Chinese description has five times as many signs as an English one has
//! words, and pairs of them are of far more kinds: in tantivy's hash table of
//! terms they took most of the time of building an index. Here they are
//! collected in a list that is sorted once.

mod collect;
mod find;
mod format;
mod merge;
mod read;
mod write;

use std::{collections::HashMap, sync::Arc};

use tantivy::{index::SegmentId, query::Bm25Weight};

pub use collect::Plugin;
pub use find::Matches;
pub use read::Reader;

/// What ends the names of the files.
const EXTENSION: &str = "signs";

/// Parts of a video that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The title and the names of tags and channel.
    Head,
    /// The description.
    Body,
}

impl Part {
    pub const ALL: [Self; 2] = [Self::Head, Self::Body];
}

/// A sign and the one behind it, in a part; ordered by part, then by sign. A sign
/// alone, whatever is behind it, is before its pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair(u64);

impl Pair {
    /// The last sign is U+323AF.
    const BITS: u32 = 18;

    fn new(part: Part, sign: char, next: Option<char>) -> Self {
        let next = next.map_or(0, u64::from);
        Self(((part as u64) << Self::BITS | u64::from(sign)) << Self::BITS | next)
    }

    fn part(self) -> Part {
        if self.0 >> (2 * Self::BITS) == 0 { Part::Head } else { Part::Body }
    }

    /// Its first sign alone.
    fn alone(self) -> Self {
        Self(self.0 >> Self::BITS << Self::BITS)
    }

    /// Positions of signs alone are in no phrase and not kept.
    fn has_positions(self) -> bool {
        self != self.alone()
    }
}

/// Where a sign stands: ordered by document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    doc: u32,
    position: u32,
}

/// The signs of all segments.
pub struct Everywhere {
    segments: HashMap<SegmentId, Arc<Reader>>,
    documents: u64,
}

impl Everywhere {
    pub fn new(segments: impl Iterator<Item = (SegmentId, Arc<Reader>)>) -> Self {
        let segments: HashMap<SegmentId, Arc<Reader>> = segments.collect();
        let documents = segments.values().map(|segment| u64::from(segment.documents())).sum();
        Self { segments, documents }
    }

    pub fn of(&self, segment: SegmentId) -> Option<&Arc<Reader>> {
        self.segments.get(&segment)
    }

    /// In how many videos a run is at most, roughly: those that have it in both
    /// parts count twice.
    pub fn count(&self, run: &[char]) -> u64 {
        Part::ALL.into_iter().map(|part| self.count_in(part, run)).sum()
    }

    fn count_in(&self, part: Part, run: &[char]) -> u64 {
        self.segments.values().map(|segment| segment.count_run(part, run)).sum()
    }

    /// What finding a run in a part is worth.
    pub fn weight(&self, part: Part, run: &[char]) -> Bm25Weight {
        let signs: u64 = self.segments.values().map(|segment| segment.signs(part)).sum();
        let average = signs as f32 / self.documents.max(1) as f32;
        Bm25Weight::for_one_term_without_explain(self.count_in(part, run).min(self.documents), self.documents, average)
    }
}
