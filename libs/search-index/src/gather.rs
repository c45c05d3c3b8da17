//! One pass over what matches: the first ones, how many there are, facets.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
};

use tantivy::{
    DocAddress, DocId, Score, SegmentOrdinal, SegmentReader,
    collector::{Collector, SegmentCollector},
};

use crate::{
    document::Facts,
    facets::Counts,
    query::{Access, Filters, Sort},
    snapshot::Extras,
};

/// What twice as many views add to the score: enough to decide between equals,
/// too little to lift what is only alike above what is the same.
const POPULARITY: f32 = 0.0005;

/// A place in the order: the higher, the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    key: u64,
    /// Ids grow with time: of equals the newest is first.
    pub id: i64,
    pub address: DocAddress,
}

impl Place {
    /// The score it stands there for, when the order is by relevance.
    pub fn score(self) -> f32 {
        f32::from_bits(self.key as u32)
    }
}

pub struct Gathered {
    /// In order.
    pub first: Vec<Place>,
    pub total: u64,
    pub counts: Counts,
}

pub struct Gather {
    pub extras: Vec<Arc<Extras>>,
    pub filters: Filters,
    pub sort: Sort,
    /// How many to keep in order.
    pub keep: usize,
}

impl Collector for Gather {
    type Fruit = Gathered;
    type Child = Scan;

    fn for_segment(&self, at: SegmentOrdinal, _: &SegmentReader) -> tantivy::Result<Scan> {
        let extras = self.extras[at as usize].clone();
        let span = Span {
            duration: (self.filters.min_duration.unwrap_or(0), self.filters.max_duration.unwrap_or(i64::MAX)),
            published: (self.filters.published_from.unwrap_or(i64::MIN), self.filters.published_to.unwrap_or(i64::MAX)),
        };
        Ok(Scan {
            at,
            category_counts: vec![0; extras.categories.ids.len()],
            tag_counts: vec![0; extras.tags.ids.len()],
            slots: vec![0; Facts::SLOTS],
            is_timed: span.duration != (0, i64::MAX),
            is_dated: span.published != (i64::MIN, i64::MAX),
            extras,
            span,
            access: self.filters.access,
            sort: self.sort,
            keep: self.keep,
            first: BinaryHeap::new(),
            total: 0,
        })
    }

    fn requires_scoring(&self) -> bool {
        self.sort == Sort::Relevance
    }

    fn merge_fruits(&self, parts: Vec<Gathered>) -> tantivy::Result<Gathered> {
        let mut all = Gathered { first: Vec::new(), total: 0, counts: Counts::default() };
        for part in parts {
            all.first.extend(part.first);
            all.total += part.total;
            all.counts.add(part.counts);
        }
        all.first.sort_unstable_by_key(|place| Reverse(*place));
        all.first.truncate(self.keep);
        Ok(all)
    }
}

/// Inclusive and, for times, exclusive at the end.
struct Span {
    duration: (i64, i64),
    published: (i64, i64),
}

/// The pass over a segment.
pub struct Scan {
    at: SegmentOrdinal,
    extras: Arc<Extras>,
    category_counts: Vec<u32>,
    tag_counts: Vec<u32>,
    slots: Vec<u32>,
    span: Span,
    is_timed: bool,
    is_dated: bool,
    access: Option<Access>,
    sort: Sort,
    keep: usize,
    first: BinaryHeap<Reverse<Place>>,
    total: u64,
}

impl Scan {
    fn is_within(&self, doc: DocId, facts: u64) -> bool {
        let access = match self.access {
            None => true,
            Some(Access::Public) => Facts::tier(facts) == 0,
            Some(Access::Member) => Facts::tier(facts) > 0,
        };
        let (shortest, longest) = self.span.duration;
        let (from, to) = self.span.published;
        access
            && (!self.is_timed || (shortest..=longest).contains(&self.extras.durations.get_val(doc)))
            && (!self.is_dated || (from..to).contains(&self.extras.published.get_val(doc)))
    }

    fn count(&mut self, doc: DocId, facts: u64) {
        self.total += 1;
        self.slots[Facts::slot(facts)] += 1;
        for place in self.extras.categories.of(doc) {
            self.category_counts[*place as usize] += 1;
        }
        for place in self.extras.tags.of(doc) {
            self.tag_counts[*place as usize] += 1;
        }
    }

    /// Grows with the place in the order.
    fn key(&self, doc: DocId, score: Score) -> u64 {
        match self.sort {
            Sort::Relevance => {
                let doublings = 64 - self.extras.views(doc).leading_zeros();
                // The bits of positive floats are in order.
                u64::from((score + POPULARITY * doublings as f32).max(0.0).to_bits())
            }
            Sort::Newest => tantivy::i64_to_u64(self.extras.published.get_val(doc)),
            Sort::MostViews => self.extras.views(doc),
            Sort::FewestViews => u64::MAX - self.extras.views(doc),
            Sort::Longest => self.extras.durations.get_val(doc).max(0) as u64,
        }
    }

    fn place(&mut self, doc: DocId, score: Score) {
        let key = self.key(doc, score);
        if self.first.len() >= self.keep && self.first.peek().is_none_or(|last| key < last.0.key) {
            return;
        }
        let address = DocAddress::new(self.at, doc);
        self.first.push(Reverse(Place { key, id: self.extras.ids.get_val(doc), address }));
        if self.first.len() > self.keep {
            self.first.pop();
        }
    }
}

impl SegmentCollector for Scan {
    type Fruit = Gathered;

    fn collect(&mut self, doc: DocId, score: Score) {
        let facts = self.extras.facts(doc);
        if self.is_within(doc, facts) {
            self.count(doc, facts);
            self.place(doc, score);
        }
    }

    fn harvest(self) -> Gathered {
        let named = |counts: Vec<u32>, ids: &[i64]| -> HashMap<i64, u64> {
            let some = ids.iter().zip(counts).filter(|(_, count)| *count > 0);
            some.map(|(id, count)| (*id, u64::from(count))).collect()
        };
        let counts = Counts {
            categories: named(self.category_counts, &self.extras.categories.ids),
            tags: named(self.tag_counts, &self.extras.tags.ids),
            slots: self.slots,
        };
        Gathered { first: self.first.into_iter().map(|Reverse(place)| place).collect(), total: self.total, counts }
    }
}
