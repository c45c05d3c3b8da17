//! An inverted index of CJK character bigrams: one file beside tantivy's in each
//! segment.
//!
//! Each character is indexed alone and together with the next one. Most searched
//! Chinese words have two characters, which a bigram finds without reading
//! positions; longer ones need few bigrams.
//!
//! A Chinese description has five times as many characters as an English one has
//! words, and far more distinct bigrams: in tantivy's hash table of terms they
//! took most of the indexing time. Here they are collected in a list that is
//! sorted once.

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

/// Extension of the files.
const EXTENSION: &str = "bigrams";

/// The indexed parts of a video.
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

/// A character and the next one, in a part; ordered by part, then by character.
/// A unigram, whatever follows it, is ordered before its bigrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bigram(u64);

impl Bigram {
    /// Bits of a character: the last CJK one is U+323AF.
    const BITS: u32 = 18;

    fn new(part: Part, first: char, second: Option<char>) -> Self {
        let second = second.map_or(0, u64::from);
        Self(((part as u64) << Self::BITS | u64::from(first)) << Self::BITS | second)
    }

    fn part(self) -> Part {
        if self.0 >> (2 * Self::BITS) == 0 { Part::Head } else { Part::Body }
    }

    /// Its first character alone.
    fn unigram(self) -> Self {
        Self(self.0 >> Self::BITS << Self::BITS)
    }

    /// Unigrams are in no phrase: their positions are not stored.
    fn has_positions(self) -> bool {
        self != self.unigram()
    }
}

/// Ordered by document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    doc: u32,
    position: u32,
}

/// The bigrams of all segments.
pub struct AllSegments {
    segments: HashMap<SegmentId, Arc<Reader>>,
    documents: u64,
}

impl AllSegments {
    pub fn new(segments: impl Iterator<Item = (SegmentId, Arc<Reader>)>) -> Self {
        let segments: HashMap<SegmentId, Arc<Reader>> = segments.collect();
        let documents = segments.values().map(|segment| u64::from(segment.documents())).sum();
        Self { segments, documents }
    }

    pub fn segment(&self, id: SegmentId) -> Option<&Arc<Reader>> {
        self.segments.get(&id)
    }

    /// Upper bound of the number of documents with a run; those that have it in
    /// both parts count twice.
    pub fn doc_freq(&self, run: &[char]) -> u64 {
        Part::ALL.into_iter().map(|part| self.doc_freq_in(part, run)).sum()
    }

    fn doc_freq_in(&self, part: Part, run: &[char]) -> u64 {
        self.segments.values().map(|segment| segment.run_doc_freq(part, run)).sum()
    }

    pub fn weight(&self, part: Part, run: &[char]) -> Bm25Weight {
        let characters: u64 = self.segments.values().map(|segment| segment.characters(part)).sum();
        let average = characters as f32 / self.documents.max(1) as f32;
        let doc_freq = self.doc_freq_in(part, run).min(self.documents);
        Bm25Weight::for_one_term_without_explain(doc_freq, self.documents, average)
    }
}
