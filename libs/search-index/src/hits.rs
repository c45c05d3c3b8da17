//! Collects the first hits, their total and the facets in one pass.

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
    document::Attributes,
    facets::Counts,
    query::{Access, Filters, Sort},
    snapshot::SegmentData,
};

/// Added to the score per doubling of the views: enough to break ties, too little
/// to rank an expansion above an exact match.
const POPULARITY: f32 = 0.0005;

/// Ordered by rank: a greater one comes earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RankedHit {
    sort_key: u64,
    /// Ids grow with time: ties are ordered newest first.
    pub id: i64,
    pub address: DocAddress,
}

impl RankedHit {
    /// Only if sorted by relevance.
    pub fn score(self) -> f32 {
        f32::from_bits(self.sort_key as u32)
    }
}

pub struct Hits {
    /// In order.
    pub first: Vec<RankedHit>,
    pub total: u64,
    pub counts: Counts,
}

pub struct HitCollector {
    pub segments: Vec<Arc<SegmentData>>,
    pub filters: Filters,
    pub sort: Sort,
    /// How many hits to keep.
    pub limit: usize,
}

impl Collector for HitCollector {
    type Fruit = Hits;
    type Child = SegmentHits;

    fn for_segment(&self, ordinal: SegmentOrdinal, _: &SegmentReader) -> tantivy::Result<SegmentHits> {
        let segment = self.segments[ordinal as usize].clone();
        let duration = (self.filters.min_duration.unwrap_or(0), self.filters.max_duration.unwrap_or(i64::MAX));
        let published =
            (self.filters.published_from.unwrap_or(i64::MIN), self.filters.published_to.unwrap_or(i64::MAX));
        Ok(SegmentHits {
            ordinal,
            category_counts: vec![0; segment.categories.ids.len()],
            tag_counts: vec![0; segment.tags.ids.len()],
            buckets: vec![0; Attributes::BUCKETS],
            segment,
            duration: Some(duration).filter(|range| *range != (0, i64::MAX)),
            published: Some(published).filter(|range| *range != (i64::MIN, i64::MAX)),
            access: self.filters.access,
            sort: self.sort,
            limit: self.limit,
            first: BinaryHeap::new(),
            total: 0,
        })
    }

    fn requires_scoring(&self) -> bool {
        self.sort == Sort::Relevance
    }

    fn merge_fruits(&self, segments: Vec<Hits>) -> tantivy::Result<Hits> {
        let mut all = Hits { first: Vec::new(), total: 0, counts: Counts::default() };
        for segment in segments {
            all.first.extend(segment.first);
            all.total += segment.total;
            all.counts.add(segment.counts);
        }
        all.first.sort_unstable_by_key(|hit| Reverse(*hit));
        all.first.truncate(self.limit);
        Ok(all)
    }
}

/// Collects the hits of a segment.
pub struct SegmentHits {
    ordinal: SegmentOrdinal,
    segment: Arc<SegmentData>,
    category_counts: Vec<u32>,
    tag_counts: Vec<u32>,
    buckets: Vec<u32>,
    /// Inclusive; none without that filter.
    duration: Option<(i64, i64)>,
    /// The end is exclusive; none without that filter.
    published: Option<(i64, i64)>,
    access: Option<Access>,
    sort: Sort,
    limit: usize,
    first: BinaryHeap<Reverse<RankedHit>>,
    total: u64,
}

impl SegmentHits {
    fn matches_filters(&self, doc: DocId, attributes: u64) -> bool {
        let has_access = match self.access {
            None => true,
            Some(Access::Public) => Attributes::tier(attributes) == 0,
            Some(Access::Member) => Attributes::tier(attributes) > 0,
        };
        let (durations, published) = (&self.segment.durations, &self.segment.published);
        has_access
            && self.duration.is_none_or(|(min, max)| (min..=max).contains(&durations.get_val(doc)))
            && self.published.is_none_or(|(from, to)| (from..to).contains(&published.get_val(doc)))
    }

    fn count(&mut self, doc: DocId, attributes: u64) {
        self.total += 1;
        self.buckets[Attributes::bucket(attributes)] += 1;
        for ordinal in self.segment.categories.ordinals(doc) {
            self.category_counts[*ordinal as usize] += 1;
        }
        for ordinal in self.segment.tags.ordinals(doc) {
            self.tag_counts[*ordinal as usize] += 1;
        }
    }

    fn sort_key(&self, doc: DocId, score: Score) -> u64 {
        match self.sort {
            Sort::Relevance => {
                let doublings = 64 - self.segment.views(doc).leading_zeros();
                // The bits of positive floats have the order of the floats.
                u64::from((score + POPULARITY * doublings as f32).max(0.0).to_bits())
            }
            Sort::Newest => tantivy::i64_to_u64(self.segment.published.get_val(doc)),
            Sort::MostViews => self.segment.views(doc),
            Sort::FewestViews => u64::MAX - self.segment.views(doc),
            Sort::Longest => self.segment.durations.get_val(doc).max(0) as u64,
        }
    }

    fn rank(&mut self, doc: DocId, score: Score) {
        let sort_key = self.sort_key(doc, score);
        if self.first.len() >= self.limit && self.first.peek().is_none_or(|last| sort_key < last.0.sort_key) {
            return;
        }
        let (id, address) = (self.segment.ids.get_val(doc), DocAddress::new(self.ordinal, doc));
        self.first.push(Reverse(RankedHit { sort_key, id, address }));
        if self.first.len() > self.limit {
            self.first.pop();
        }
    }
}

impl SegmentCollector for SegmentHits {
    type Fruit = Hits;

    fn collect(&mut self, doc: DocId, score: Score) {
        let attributes = self.segment.attributes(doc);
        if self.matches_filters(doc, attributes) {
            self.count(doc, attributes);
            self.rank(doc, score);
        }
    }

    fn harvest(self) -> Hits {
        let by_id = |counts: Vec<u32>, ids: &[i64]| -> HashMap<i64, u64> {
            let found = ids.iter().zip(counts).filter(|(_, count)| *count > 0);
            found.map(|(id, count)| (*id, u64::from(count))).collect()
        };
        let counts = Counts {
            categories: by_id(self.category_counts, &self.segment.categories.ids),
            tags: by_id(self.tag_counts, &self.segment.tags.ids),
            buckets: self.buckets,
        };
        Hits { first: self.first.into_iter().map(|Reverse(hit)| hit).collect(), total: self.total, counts }
    }
}
