//! Counts within the filters.

use std::collections::{BTreeMap, HashMap};

use crate::document::{Band, Facts};

/// Values of a facet that are told.
const TOLD: usize = 50;

/// How many of the videos found are in each, the most first; years the latest
/// first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    pub categories: Vec<(i64, u64)>,
    pub tags: Vec<(i64, u64)>,
    pub durations: Vec<(Band, u64)>,
    pub years: Vec<(i32, u64)>,
}

/// Counts of one segment or of all.
pub(crate) struct Counts {
    pub categories: HashMap<i64, u64>,
    pub tags: HashMap<i64, u64>,
    pub slots: Vec<u32>,
}

impl Default for Counts {
    fn default() -> Self {
        Self { categories: HashMap::new(), tags: HashMap::new(), slots: vec![0; Facts::SLOTS] }
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
        for (count, other) in self.slots.iter_mut().zip(other.slots) {
            *count += other;
        }
    }

    pub fn facets(self) -> Facets {
        let (mut durations, mut years) = (BTreeMap::new(), BTreeMap::new());
        for (slot, count) in self.slots.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let (year, band) = Facts::year_and_band(slot);
            *durations.entry(band).or_default() += u64::from(count);
            *years.entry(year).or_default() += u64::from(count);
        }
        Facets {
            categories: most(self.categories),
            tags: most(self.tags),
            durations: durations.into_iter().collect(),
            years: years.into_iter().rev().collect(),
        }
    }
}

/// 0 stands for none and is not told.
fn most(counts: HashMap<i64, u64>) -> Vec<(i64, u64)> {
    let mut counts: Vec<_> = counts.into_iter().filter(|(id, _)| *id != 0).collect();
    counts.sort_unstable_by_key(|(id, count)| (std::cmp::Reverse(*count), *id));
    counts.truncate(TOLD);
    counts
}
