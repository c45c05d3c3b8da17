//! Drawing from the union of sets, each member equally likely.
//!
//! The sets' members are seen as pairs of set and id. A pair belongs to the
//! union's drawing if its set is the first that has the id, so each id has one
//! such pair. A random order of all pairs, with the others left out, is then a
//! random order of the union. That order is made without seeing the sets as a
//! whole: the next pair is of a set with the chance of how much of it is left,
//! and of that set the next of a random sample.

use std::{collections::HashSet, sync::Arc};

use rand::{Rng, RngExt, seq::SliceRandom};

/// Videos that one drawing holds at most.
pub const FEED: usize = 500;

/// The ids of a set, ascending.
pub type Ids = Arc<Vec<i64>>;

/// A random sample of one set.
#[derive(Clone, Debug)]
pub struct Sample {
    /// How many the set has.
    pub size: usize,
    /// Some of them, each once.
    pub ids: Vec<i64>,
    pub before: Before,
}

/// What the sets before one have of it.
#[derive(Clone, Debug)]
pub enum Before {
    /// Those of the sample that one of them has.
    Has(HashSet<i64>),
    /// They themselves: a drawing looks at few of a sample, and each look costs.
    Sets(Vec<Ids>),
}

impl Sample {
    fn is_first(&self, id: i64) -> bool {
        match &self.before {
            Before::Has(ids) => !ids.contains(&id),
            Before::Sets(sets) => !sets.iter().any(|set| set.binary_search(&id).is_ok()),
        }
    }
}

/// The beginning of a random order of the union, without what is already
/// drawn: at most `wanted` ids, fewer where the samples do not give more.
pub fn weave(mut samples: Vec<Sample>, drawn: &HashSet<i64>, wanted: usize, rng: &mut impl Rng) -> Vec<i64> {
    for sample in &mut samples {
        sample.ids.shuffle(rng);
    }
    let mut taken = vec![0; samples.len()];
    let mut left: usize = samples.iter().map(|s| s.size).sum();
    let mut feed = Vec::with_capacity(wanted.min(left));
    while feed.len() < wanted && left > 0 {
        let mut place = rng.random_range(0..left);
        let mut set = 0;
        while place >= samples[set].size - taken[set] {
            place -= samples[set].size - taken[set];
            set += 1;
        }
        // The sample ends before the set: what would come next is not known.
        let Some(id) = samples[set].ids.get(taken[set]).copied() else { break };
        taken[set] += 1;
        left -= 1;
        if samples[set].is_first(id) && !drawn.contains(&id) {
            feed.push(id);
        }
    }
    feed
}

/// How many ids the union has, as far as samples tell: exactly where they are
/// whole, else at most [`FEED`].
pub fn union_size(samples: &[Sample]) -> usize {
    if samples.iter().any(|s| s.size >= FEED) {
        return FEED;
    }
    samples.iter().map(|s| s.ids.iter().filter(|id| s.is_first(**id)).count()).sum::<usize>().min(FEED)
}

/// Some of the tags: a random number of them, at random.
pub fn some_of<T: Copy>(tags: &[T], rng: &mut impl Rng) -> Vec<T> {
    if tags.is_empty() {
        return Vec::new();
    }
    let mut tags = tags.to_vec();
    tags.shuffle(rng);
    tags.truncate(rng.random_range(1..=tags.len()));
    tags
}

/// Puts what is in `watched` last, and leaves the order otherwise.
pub fn watched_last(feed: &mut [i64], watched: &HashSet<i64>) {
    feed.sort_by_key(|id| watched.contains(id));
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rand::{SeedableRng, rngs::StdRng, seq::index};

    use super::*;

    /// What a store gives: so many of each set, at random.
    fn samples(sets: &[Vec<i64>], count: usize, rng: &mut StdRng) -> Vec<Sample> {
        let sample = |(place, set): (usize, &Vec<i64>)| {
            let before = || sets[..place].iter().cloned();
            let ids: Vec<i64> =
                index::sample(rng, set.len(), count.min(set.len())).into_iter().map(|i| set[i]).collect();
            // One way or the other: they mean the same.
            let before = if place % 2 == 0 {
                Before::Sets(before().map(Ids::new).collect())
            } else {
                Before::Has(ids.iter().copied().filter(|id| before().any(|set| set.contains(id))).collect())
            };
            Sample { size: set.len(), ids, before }
        };
        sets.iter().enumerate().map(sample).collect()
    }

    fn chi_square(counts: &HashMap<i64, u64>, cells: usize, draws: u64) -> f64 {
        let expected = draws as f64 / cells as f64;
        let seen: f64 = counts.values().map(|n| (*n as f64 - expected).powi(2) / expected).sum();
        seen + (cells - counts.len()) as f64 * expected
    }

    #[test]
    fn every_id_of_the_union_is_equally_likely() {
        let mut rng = StdRng::seed_from_u64(7);
        // 200 ids; those from 50 to 99 in two sets, those from 90 to 99 in three.
        let sets = [(0..100).collect::<Vec<i64>>(), (50..180).collect(), (90..100).chain(180..200).collect()];
        let (mut first, mut second) = (HashMap::new(), HashMap::new());
        let rounds = 40_000;
        for _ in 0..rounds {
            let drawn = weave(samples(&sets, 12, &mut rng), &HashSet::new(), 5, &mut rng);
            *first.entry(drawn[0]).or_insert(0) += 1;
            // What is drawn later is as fair as what is drawn first.
            let before = drawn.iter().copied().collect();
            let more = weave(samples(&sets, 30, &mut rng), &before, 3, &mut rng);
            assert!(more.iter().all(|id| !before.contains(id)));
            *second.entry(more[0]).or_insert(0) += 1;
        }
        // 199 degrees of freedom: 99.9% lie below 267.
        assert!(chi_square(&first, 200, rounds) < 267.0);
        assert!(chi_square(&second, 200, rounds) < 267.0);
    }

    #[test]
    fn a_whole_union_is_drawn_without_repeats() {
        let mut rng = StdRng::seed_from_u64(1);
        let sets = [vec![1, 2, 3], vec![], vec![3, 4], vec![1, 4, 5]];
        let samples = samples(&sets, 10, &mut rng);
        assert_eq!(union_size(&samples), 5);
        let mut drawn = weave(samples, &HashSet::new(), FEED, &mut rng);
        drawn.sort_unstable();
        assert_eq!(drawn, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn some_of_the_tags_and_each_of_them() {
        let mut rng = StdRng::seed_from_u64(3);
        assert!(some_of::<i64>(&[], &mut rng).is_empty());
        let mut counts = HashMap::new();
        for _ in 0..3_000 {
            let some = some_of(&[1, 2, 3], &mut rng);
            *counts.entry(some.len() as i64).or_insert(0) += 1;
        }
        // Two degrees of freedom: 99.9% lie below 13.8.
        assert!(chi_square(&counts, 3, 3_000) < 13.8);
    }

    #[test]
    fn what_was_watched_comes_last_and_in_its_order() {
        let mut feed = vec![5, 1, 4, 2, 3];
        watched_last(&mut feed, &HashSet::from([1, 4, 9]));
        assert_eq!(feed, [5, 2, 3, 1, 4]);
    }
}
