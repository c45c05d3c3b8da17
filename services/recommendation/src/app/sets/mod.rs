//! The ids of public videos, per tag and of all: in Redis if it is available,
//! else in memory. Both are filled from the table and updated change by change.

mod large;
mod memory;
mod redis;

use fenz_cache::Redis;
use fenz_core::{Random, Result};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::future::Cache;
use rand::{Rng, seq::index};
use sea_orm::DatabaseConnection;
use tokio::sync::Mutex as AsyncMutex;

use large::LargeSets;
use memory::MemorySets;
use redis::RedisSets;

pub use redis::{generation_key, set_key};

use super::read_limiter::ReadLimiter;
use crate::{
    domain::{
        TagId,
        sampling::{EarlierSets, Ids, Sample},
    },
    store::tags,
};

/// The set of a tag; None is the set of all videos.
pub type SetKey = Option<TagId>;

/// Ids per query.
const PAGE_SIZE: u64 = 10_000;
/// How often missing sets are filled before memory is used instead.
const MAX_FILLS: usize = 3;
/// How long a small set of Redis is kept in memory, since other replicas change
/// it.
const SMALL_SET_TTL: Duration = Duration::from_millis(750);
const MAX_SMALL_SETS: u64 = 1_000;

pub struct VideoSets {
    db: DatabaseConnection,
    random: Random,
    redis: Option<RedisSets>,
    /// Small sets of Redis; None for large ones. Sampling in Redis takes longer
    /// than everything else of a request.
    small: Cache<SetKey, Option<Ids>>,
    large: LargeSets,
    generation: AtomicU64,
    pub(super) memory: MemorySets,
    /// Held while a set is filled, so that concurrent requests wait for it.
    fill_locks: Mutex<HashMap<SetKey, Arc<AsyncMutex<()>>>>,
}

impl VideoSets {
    pub fn new(db: DatabaseConnection, redis: Option<Redis>, limiter: Arc<ReadLimiter>, random: Random) -> Self {
        Self {
            redis: redis.map(|redis| RedisSets::new(redis, db.clone(), limiter.clone(), random.clone())),
            small: Cache::builder().max_capacity(MAX_SMALL_SETS).time_to_live(SMALL_SET_TTL).build(),
            large: LargeSets::default(),
            generation: AtomicU64::new(0),
            memory: MemorySets::new(db.clone(), limiter),
            db,
            fill_locks: Mutex::default(),
            random,
        }
    }

    /// Random samples of sets, each of at most `count` ids.
    pub async fn samples(&self, keys: &[SetKey], count: usize) -> Result<Vec<Sample>> {
        if let Some(redis) = &self.redis {
            if let Some(sets) = self.cached(redis, keys).await {
                return Ok(sample(&sets, count, &mut self.random.rng()));
            }
            match self.sample_redis(redis, keys, count).await {
                Ok(Some(samples)) => return Ok(samples),
                Ok(None) => tracing::warn!("sets vanish from redis; using memory instead"),
                Err(Failure::Redis) => {}
                Err(Failure::Database(error)) => return Err(error),
            }
        }
        for key in keys {
            if !self.memory.contains(*key) {
                let lock = self.fill_lock(*key);
                let _guard = lock.lock().await;
                self.memory.load(*key).await?;
            }
        }
        Ok(sample(&self.memory.get(keys), count, &mut self.random.rng()))
    }

    /// The sets in Redis have changed: drops the small ones in memory.
    pub fn invalidate(&self) {
        self.small.invalidate_all();
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Changes with each invalidation.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// The sets of Redis that are kept in memory, if all of these are.
    async fn cached(&self, redis: &RedisSets, keys: &[SetKey]) -> Option<Vec<Ids>> {
        let mut sets = Vec::with_capacity(keys.len());
        for key in keys {
            let fetch = async { redis.small(*key).await.ok().flatten() };
            let small = self.small.optionally_get_with(*key, fetch).await?;
            sets.extend(small.or_else(|| self.large.get(*key)));
        }
        (sets.len() == keys.len()).then_some(sets)
    }

    /// Fetches the large sets that are due.
    pub async fn refresh_large(&self) {
        let Some(redis) = &self.redis else { return };
        // One by one: each fetched set counts toward the common limit.
        while let Some(key) = self.large.due() {
            // Retried by the next run.
            let Ok(ids) = redis.ids(key, large::MAX_SET_LEN).await else { return };
            self.large.put(key, ids);
        }
    }

    /// Deletes sets in memory that are no longer used.
    pub fn evict_idle(&self) {
        self.memory.evict_idle();
    }

    async fn sample_redis(
        &self,
        redis: &RedisSets,
        keys: &[SetKey],
        count: usize,
    ) -> Result<Option<Vec<Sample>>, Failure> {
        for _ in 0..MAX_FILLS {
            let missing = match redis.samples(keys, count).await? {
                Ok(samples) => return Ok(Some(samples)),
                Err(missing) => missing,
            };
            for key in missing {
                let lock = self.fill_lock(key);
                let _guard = lock.lock().await;
                if !redis.is_complete(key).await? {
                    redis.fill(key).await?;
                }
            }
        }
        Ok(None)
    }

    /// Fills the sets that are missing in Redis or expire soon, so that no
    /// request has to wait for it.
    pub async fn refresh(&self) -> Result<()> {
        let Some(redis) = &self.redis else { return Ok(()) };
        let mut keys: Vec<SetKey> = vec![None];
        keys.extend(tags::all(&self.db).await?.into_iter().map(|tag| Some(tag.id)));
        for key in keys {
            let outcome = async {
                if redis.is_fresh(key).await? {
                    return Ok(());
                }
                let lock = self.fill_lock(key);
                let _guard = lock.lock().await;
                redis.fill(key).await
            };
            match outcome.await {
                Ok(()) => {}
                Err(Failure::Redis) => return Ok(()),
                Err(Failure::Database(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn fill_lock(&self, key: SetKey) -> Arc<AsyncMutex<()>> {
        self.fill_locks.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
    }

    /// Whether Redis has the set of all videos; None while it is unavailable.
    pub async fn is_warm(&self) -> Option<bool> {
        self.redis.as_ref()?.is_complete(None).await.ok()
    }
}

/// Random samples of complete sets.
fn sample(sets: &[Ids], count: usize, rng: &mut impl Rng) -> Vec<Sample> {
    let sample = |(position, set): (usize, &Ids)| {
        let indexes = index::sample(rng, set.len(), count.min(set.len()));
        let ids = indexes.into_iter().map(|i| set[i]).collect();
        Sample { size: set.len(), ids, earlier: EarlierSets::Full(sets[..position].to_vec()) }
    };
    sets.iter().enumerate().map(sample).collect()
}

/// Why Redis could not be used.
pub enum Failure {
    Redis,
    Database(fenz_core::Error),
}

impl From<fenz_cache::Unavailable> for Failure {
    fn from(_: fenz_cache::Unavailable) -> Self {
        Self::Redis
    }
}

impl From<fenz_core::Error> for Failure {
    fn from(error: fenz_core::Error) -> Self {
        Self::Database(error)
    }
}

impl From<fenz_database::DbError> for Failure {
    fn from(error: fenz_database::DbError) -> Self {
        Self::Database(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::VideoId;

    #[test]
    fn a_seed_repeats_a_sample() {
        let sets = [Ids::new((0..1_000).map(VideoId).collect()), Ids::new((500..2_000).map(VideoId).collect())];
        let drawn = |seed| -> Vec<Vec<VideoId>> {
            sample(&sets, 20, &mut Random::seeded(seed).rng()).into_iter().map(|sample| sample.ids).collect()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        assert!(drawn(1).iter().all(|ids| ids.len() == 20));
    }
}
