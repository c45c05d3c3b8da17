//! Facets: counts of the hits by value.

use std::collections::{BTreeMap, HashMap};

use crate::document::{Attributes, Band};

/// Values of a facet that are returned.
const MAX_VALUES: usize = 50;

/// Hits by value, the most frequent first; years the latest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    pub categories: Vec<(i64, u64)>,
    pub tags: Vec<(i64, u64)>,
    pub durations: Vec<(Band, u64)>,
    pub years: Vec<(i32, u64)>,
}

/// Of one segment or of all.
pub(crate) struct Counts {
    pub categories: HashMap<i64, u64>,
    pub tags: HashMap<i64, u64>,
    pub buckets: Vec<u32>,
}

impl Default for Counts {
    fn default() -> Self {
        Self { categories: HashMap::new(), tags: HashMap::new(), buckets: vec![0; Attributes::BUCKETS] }
    }
}

impl Counts {
    pub fn add(&mut self, other: Self) {
        for (id, count) in other.categories {
            *self.categories.entry(id).or_default() += count;
        }
        for (id, count) in other.tags {
            *self.tags.entry(id).or_default() += count;
        }
        for (count, other) in self.buckets.iter_mut().zip(other.buckets) {
            *count += other;
        }
    }

    pub fn facets(self) -> Facets {
        let (mut durations, mut years) = (BTreeMap::new(), BTreeMap::new());
        for (bucket, count) in self.buckets.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let (year, band) = Attributes::year_and_band(bucket);
            *durations.entry(band).or_default() += u64::from(count);
            *years.entry(year).or_default() += u64::from(count);
        }
        Facets {
            categories: most_frequent(self.categories),
            tags: most_frequent(self.tags),
            durations: durations.into_iter().collect(),
            years: years.into_iter().rev().collect(),
        }
    }
}

/// Leaves out the id 0, which stands for none.
fn most_frequent(counts: HashMap<i64, u64>) -> Vec<(i64, u64)> {
    let mut counts: Vec<_> = counts.into_iter().filter(|(id, _)| *id != 0).collect();
    counts.sort_unstable_by_key(|(id, count)| (std::cmp::Reverse(*count), *id));
    counts.truncate(MAX_VALUES);
    counts
}
