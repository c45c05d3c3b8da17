//! Which public videos there are, of each tag and of all: in Redis where it
//! answers, else in memory. Both are filled from the table and kept up to date
//! change by change.

mod cached;
mod large;
mod memory;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fenz_chassis::{Result, redis::Redis};
use moka::future::Cache;
use rand::seq::index;
use sea_orm::DatabaseConnection;
use tokio::sync::Mutex as AsyncMutex;

pub use cached::{Cached, gen_key, set_key};
use large::Large;
pub use memory::Memory;

use super::gate::Gate;
use crate::{
    domain::{
        TagId,
        draw::{Before, Ids, Sample},
    },
    store::tags,
};

/// A set: a tag's videos; without a tag, all.
pub type Key = Option<TagId>;

/// Ids that are read from the table at a time.
const PAGE: u64 = 10_000;
/// A set that was asked for in vain so often is given up to the other store.
const TRIES: usize = 3;
/// How long a small set of Redis is kept, where another replica changes it; and
/// how many sets.
const KEPT: Duration = Duration::from_millis(750);
const KEPT_SETS: u64 = 1_000;

pub struct Sets {
    db: DatabaseConnection,
    cached: Option<Cached>,
    /// Small sets of Redis, none for large ones. To have sets sampled by Redis
    /// for each request takes longer than everything else of the request.
    small: Cache<Key, Option<Ids>>,
    large: Large,
    state: AtomicU64,
    pub(super) memory: Memory,
    /// Held while a set is filled: who comes meanwhile waits, then finds it.
    filling: Mutex<HashMap<Key, Arc<AsyncMutex<()>>>>,
}

impl Sets {
    pub fn new(db: DatabaseConnection, redis: Option<Redis>, gate: Arc<Gate>) -> Self {
        Self {
            cached: redis.map(|redis| Cached::new(redis, db.clone(), gate.clone())),
            small: Cache::builder().max_capacity(KEPT_SETS).time_to_live(KEPT).build(),
            large: Large::default(),
            state: AtomicU64::new(0),
            memory: Memory::new(db.clone(), gate),
            db,
            filling: Mutex::default(),
        }
    }

    /// Random samples of sets, each of at most `count` ids.
    pub async fn samples(&self, keys: &[Key], count: usize) -> Result<Vec<Sample>> {
        if let Some(cached) = &self.cached {
            if let Some(sets) = self.whole(cached, keys).await {
                return Ok(sample(&sets, count));
            }
            match self.sample_cached(cached, keys, count).await {
                Ok(Some(samples)) => return Ok(samples),
                Ok(None) => tracing::warn!("sets do not stay in redis; going on without it"),
                Err(Failure::Away) => {}
                Err(Failure::Database(error)) => return Err(error),
            }
        }
        for key in keys {
            if !self.memory.has(*key) {
                let filling = self.filling(*key);
                let _held = filling.lock().await;
                self.memory.load(*key).await?;
            }
        }
        Ok(sample(&self.memory.ids(keys), count))
    }

    /// Redis has other sets now than what is kept of them.
    pub fn renew(&self) {
        self.small.invalidate_all();
        self.state.fetch_add(1, Ordering::Relaxed);
    }

    /// Another number each time that the sets are renewed.
    pub fn state(&self) -> u64 {
        self.state.load(Ordering::Relaxed)
    }

    /// The sets as they are kept, if all of them are.
    async fn whole(&self, cached: &Cached, keys: &[Key]) -> Option<Vec<Ids>> {
        let mut sets = Vec::with_capacity(keys.len());
        for key in keys {
            let fetch = async { cached.small(*key).await.ok().flatten() };
            let small = self.small.optionally_get_with(*key, fetch).await?;
            sets.extend(small.or_else(|| self.large.find(*key)));
        }
        (sets.len() == keys.len()).then_some(sets)
    }

    /// Brings what is kept of large sets up to date.
    pub async fn keep_large(&self) {
        let Some(cached) = &self.cached else { return };
        // One by one: each takes of the room for all.
        while let Some(key) = self.large.due() {
            // Away: the next look will tell.
            let Ok(ids) = cached.ids(key, large::MOST_IDS).await else { return };
            self.large.put(key, ids);
        }
    }

    async fn sample_cached(&self, cached: &Cached, keys: &[Key], count: usize) -> Result<Option<Vec<Sample>>, Failure> {
        for _ in 0..TRIES {
            let missing = match cached.samples(keys, count).await? {
                Ok(samples) => return Ok(Some(samples)),
                Err(missing) => missing,
            };
            for key in missing {
                let filling = self.filling(key);
                let _held = filling.lock().await;
                if !cached.is_complete(key).await? {
                    cached.fill(key).await?;
                }
            }
        }
        Ok(None)
    }

    /// Fills what is missing in Redis or near its end, so that no request has
    /// to wait for it.
    pub async fn refresh(&self) -> Result<()> {
        let Some(cached) = &self.cached else { return Ok(()) };
        let mut keys: Vec<Key> = vec![None];
        keys.extend(tags::all(&self.db).await?.into_iter().map(|tag| Some(tag.id)));
        for key in keys {
            let outcome = async {
                if cached.is_fresh(key).await? {
                    return Ok(());
                }
                let filling = self.filling(key);
                let _held = filling.lock().await;
                cached.fill(key).await
            };
            match outcome.await {
                Ok(()) => {}
                Err(Failure::Away) => return Ok(()),
                Err(Failure::Database(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn filling(&self, key: Key) -> Arc<AsyncMutex<()>> {
        self.filling.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
    }

    /// Whether Redis holds the set of all videos; None when it is away.
    pub async fn is_warm(&self) -> Option<bool> {
        self.cached.as_ref()?.is_complete(None).await.ok()
    }
}

/// Random samples of whole sets.
fn sample(sets: &[Ids], count: usize) -> Vec<Sample> {
    let sample = |(place, set): (usize, &Ids)| {
        let places = index::sample(&mut rand::rng(), set.len(), count.min(set.len()));
        let ids = places.into_iter().map(|i| set[i]).collect();
        Sample { size: set.len(), ids, before: Before::Sets(sets[..place].to_vec()) }
    };
    sets.iter().enumerate().map(sample).collect()
}

/// Why Redis was of no use.
pub enum Failure {
    Away,
    Database(fenz_chassis::Error),
}

impl From<fenz_chassis::redis::Away> for Failure {
    fn from(_: fenz_chassis::redis::Away) -> Self {
        Self::Away
    }
}

impl From<fenz_chassis::Error> for Failure {
    fn from(error: fenz_chassis::Error) -> Self {
        Self::Database(error)
    }
}

impl From<sea_orm::DbErr> for Failure {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Database(error.into())
    }
}
