//! Uniform sampling from the union of sets.
//!
//! The members are (set, id) pairs. A pair counts if no earlier set has its
//! id, so each id of the union has exactly one such pair. Filtering a random
//! order of all pairs to those gives a random order of the union. No set has
//! to be read as a whole for it: the next pair comes from a set with a
//! probability proportional to its remaining size, and is the next id of a
//! random sample of that set.

use std::{collections::HashSet, sync::Arc};

use fenz_core::VideoId;
use rand::{Rng, RngExt, seq::SliceRandom};

/// Videos of one feed at most.
pub const MAX_FEED_LEN: usize = 500;

/// The ids of a set, ascending.
pub type Ids = Arc<Vec<VideoId>>;

/// A random sample of one set.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The size of the set.
    pub size: usize,
    /// Distinct members of the set.
    pub ids: Vec<VideoId>,
    pub earlier: EarlierSets,
}

/// What is known of the sets before a sample's own.
#[derive(Clone, Debug)]
pub enum EarlierSets {
    /// The ids of the sample that are also in an earlier set.
    Shared(HashSet<VideoId>),
    /// The earlier sets themselves. Each lookup costs, but only a few ids of a
    /// sample are looked up.
    Full(Vec<Ids>),
}

impl Sample {
    fn is_first(&self, id: VideoId) -> bool {
        match &self.earlier {
            EarlierSets::Shared(ids) => !ids.contains(&id),
            EarlierSets::Full(sets) => !sets.iter().any(|set| set.binary_search(&id).is_ok()),
        }
    }
}

/// The start of a random order of the union without the `excluded` ids: at
/// most `limit` ids, fewer where the samples run out.
pub fn sample_union(
    mut samples: Vec<Sample>,
    excluded: &HashSet<VideoId>,
    limit: usize,
    rng: &mut impl Rng,
) -> Vec<VideoId> {
    for sample in &mut samples {
        sample.ids.shuffle(rng);
    }
    let mut taken = vec![0; samples.len()];
    let mut remaining: usize = samples.iter().map(|s| s.size).sum();
    let mut union = Vec::with_capacity(limit.min(remaining));
    while union.len() < limit && remaining > 0 {
        let mut index = rng.random_range(0..remaining);
        let mut set = 0;
        while index >= samples[set].size - taken[set] {
            index -= samples[set].size - taken[set];
            set += 1;
        }
        // The sample is used up before its set: the next id is unknown.
        let Some(id) = samples[set].ids.get(taken[set]).copied() else { break };
        taken[set] += 1;
        remaining -= 1;
        if samples[set].is_first(id) && !excluded.contains(&id) {
            union.push(id);
        }
    }
    union
}

/// The size of the union, capped at [`MAX_FEED_LEN`]; exact where the samples
/// are complete.
pub fn union_size(samples: &[Sample]) -> usize {
    if samples.iter().any(|s| s.size >= MAX_FEED_LEN) {
        return MAX_FEED_LEN;
    }
    samples.iter().map(|s| s.ids.iter().filter(|id| s.is_first(**id)).count()).sum::<usize>().min(MAX_FEED_LEN)
}

/// A random subset of the tags, of random size, at least one.
pub fn random_subset<T: Copy>(tags: &[T], rng: &mut impl Rng) -> Vec<T> {
    if tags.is_empty() {
        return Vec::new();
    }
    let mut tags = tags.to_vec();
    tags.shuffle(rng);
    tags.truncate(rng.random_range(1..=tags.len()));
    tags
}

/// Moves the ids in `watched` to the end; the order is stable otherwise.
pub fn move_watched_last(feed: &mut [VideoId], watched: &HashSet<VideoId>) {
    feed.sort_by_key(|id| watched.contains(id));
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rand::{SeedableRng, rngs::StdRng, seq};

    use super::*;

    fn ids(ids: impl IntoIterator<Item = i64>) -> Vec<VideoId> {
        ids.into_iter().map(VideoId).collect()
    }

    /// Random samples of `count` ids, as a store returns them.
    fn samples(sets: &[Vec<VideoId>], count: usize, rng: &mut StdRng) -> Vec<Sample> {
        let sample = |(index, set): (usize, &Vec<VideoId>)| {
            let earlier = || sets[..index].iter().cloned();
            let ids: Vec<VideoId> =
                seq::index::sample(rng, set.len(), count.min(set.len())).into_iter().map(|i| set[i]).collect();
            // Both variants are equivalent.
            let earlier_sets = if index % 2 == 0 {
                EarlierSets::Full(earlier().map(Ids::new).collect())
            } else {
                EarlierSets::Shared(ids.iter().copied().filter(|id| earlier().any(|set| set.contains(id))).collect())
            };
            Sample { size: set.len(), ids, earlier: earlier_sets }
        };
        sets.iter().enumerate().map(sample).collect()
    }

    fn chi_square<T>(counts: &HashMap<T, u64>, cells: usize, draws: u64) -> f64 {
        let expected = draws as f64 / cells as f64;
        let seen: f64 = counts.values().map(|n| (*n as f64 - expected).powi(2) / expected).sum();
        seen + (cells - counts.len()) as f64 * expected
    }

    #[test]
    fn sampling_is_uniform_over_the_union() {
        let mut rng = StdRng::seed_from_u64(7);
        // 200 ids: 50 to 99 are in two sets, 90 to 99 in three.
        let sets = [ids(0..100), ids(50..180), ids((90..100).chain(180..200))];
        let (mut first, mut second) = (HashMap::new(), HashMap::new());
        let rounds = 40_000;
        for _ in 0..rounds {
            let sampled = sample_union(samples(&sets, 12, &mut rng), &HashSet::new(), 5, &mut rng);
            *first.entry(sampled[0]).or_insert(0) += 1;
            // A continued sample is as uniform as the first one.
            let excluded = sampled.iter().copied().collect();
            let more = sample_union(samples(&sets, 30, &mut rng), &excluded, 3, &mut rng);
            assert!(more.iter().all(|id| !excluded.contains(id)));
            *second.entry(more[0]).or_insert(0) += 1;
        }
        // 199 degrees of freedom: 99.9% lie below 267.
        assert!(chi_square(&first, 200, rounds) < 267.0);
        assert!(chi_square(&second, 200, rounds) < 267.0);
    }

    #[test]
    fn a_complete_union_is_sampled_without_duplicates() {
        let mut rng = StdRng::seed_from_u64(1);
        let sets = [ids([1, 2, 3]), ids([]), ids([3, 4]), ids([1, 4, 5])];
        let samples = samples(&sets, 10, &mut rng);
        assert_eq!(union_size(&samples), 5);
        let mut union = sample_union(samples, &HashSet::new(), MAX_FEED_LEN, &mut rng);
        union.sort_unstable();
        assert_eq!(union, ids(1..=5));
    }

    #[test]
    fn random_subsets_have_every_size() {
        let mut rng = StdRng::seed_from_u64(3);
        assert!(random_subset::<i64>(&[], &mut rng).is_empty());
        let mut counts = HashMap::new();
        for _ in 0..3_000 {
            let some = random_subset(&[1, 2, 3], &mut rng);
            *counts.entry(some.len()).or_insert(0) += 1;
        }
        // Two degrees of freedom: 99.9% lie below 13.8.
        assert!(chi_square(&counts, 3, 3_000) < 13.8);
    }

    #[test]
    fn watched_videos_come_last_in_stable_order() {
        let mut feed = ids([5, 1, 4, 2, 3]);
        move_watched_last(&mut feed, &ids([1, 4, 9]).into_iter().collect());
        assert_eq!(feed, ids([5, 2, 3, 1, 4]));
    }
}
