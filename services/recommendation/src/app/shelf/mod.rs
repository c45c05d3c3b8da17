//! Videos as lists show them: from memory, else from Redis, else from the
//! table, each video at most once at a time.
//!
//! The follower ([`super::Follower`]) marks what has changed. What is older
//! than its mark is not kept and not served, wherever it comes from, so that an
//! entry in memory may live long.

mod card;
mod flights;

use std::{collections::HashMap, sync::Arc, time::Duration};

use fenz_chassis::{
    Result,
    redis::{Redis, Script, cmd},
};
use moka::{policy::EvictionPolicy, sync::Cache};
use sea_orm::DatabaseConnection;

pub use card::{Card, Links, bytes};
use flights::Flights;

use super::gate::Gate;
use crate::{Config, domain::Listed, domain::Seq, store::listing};

/// How long a video stays in Redis.
pub const TTL: Duration = Duration::from_secs(30 * 60);
/// How long a video stays in memory, if it does not change.
const IN_MEMORY: Duration = Duration::from_secs(60);
/// How long a mark is kept: longer than anything that is older than it.
const MARKED_FOR: Duration = Duration::from_secs(3600);
const MARKS: u64 = 200_000;
const KILOBYTE: u32 = 1024;
/// What is sent to Redis at a time: it serves nobody else meanwhile.
const SENT: usize = 1 << 20;
/// One in so many cards of Redis is kept in memory: what is asked for often is
/// there soon, and what is drawn once from a million costs no place.
const KEPT: u32 = 4;
/// After so many rounds a video is read without waiting for others.
const ROUNDS: usize = 3;

/// Stores videos, each unless a later state of it was applied.
const STORE: &str = r"
for i = 1, #KEYS, 2 do
  if tonumber(ARGV[i + 1]) >= tonumber(redis.call('GET', KEYS[i + 1]) or '0') then
    redis.call('SET', KEYS[i], ARGV[i + 2], 'EX', ARGV[1])
  end
end
";

/// The name of a video's card.
pub fn card_key(redis: &Redis, id: i64) -> String {
    redis.key(format_args!("video:{id}"))
}

/// The name of what says which state of a video was applied.
pub fn applied_key(redis: &Redis, id: i64) -> String {
    redis.key(format_args!("applied:{id}"))
}

/// What is known of a video at a place in the order of changes. Without a
/// card it is not visible.
#[derive(Clone)]
struct Entry {
    stamp: Seq,
    card: Option<Arc<Card>>,
}

/// Videos that were looked up a moment ago. What has changed since is looked up
/// again.
#[derive(Default)]
pub struct Ready(HashMap<i64, Entry>);

pub struct Shelf {
    db: DatabaseConnection,
    redis: Option<Redis>,
    gate: Arc<Gate>,
    links: Links,
    entries: Cache<i64, Entry>,
    marks: Cache<i64, Seq>,
    flights: Flights,
    store: Script,
}

impl Shelf {
    pub fn new(db: DatabaseConnection, redis: Option<Redis>, gate: Arc<Gate>, config: &Config, links: Links) -> Self {
        Self {
            db,
            redis,
            gate,
            links,
            entries: Cache::builder()
                .max_capacity(config.cached_videos)
                .weigher(|_, entry: &Entry| entry.card.as_ref().map_or(1, |card| 1 + card.bytes() / KILOBYTE))
                .time_to_live(IN_MEMORY)
                .build(),
            // The least recent goes: another order would refuse new marks.
            marks: Cache::builder()
                .max_capacity(MARKS)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(MARKED_FOR)
                .build(),
            flights: Flights::default(),
            store: Script::new(STORE),
        }
    }

    /// Those of these videos that are visible, in their order.
    pub async fn visible(&self, ids: &[i64]) -> Result<Vec<Arc<Card>>> {
        self.visible_of(ids, Ready::default()).await
    }

    /// Those of these that are public, in their order.
    pub async fn public(&self, ids: &[i64]) -> Result<Vec<Arc<Card>>> {
        self.public_of(ids, Ready::default()).await
    }

    /// The same, with what was fetched before.
    pub async fn public_of(&self, ids: &[i64], ready: Ready) -> Result<Vec<Arc<Card>>> {
        let mut cards = self.visible_of(ids, ready).await?;
        cards.retain(|card| card.summary.access_tier == 0);
        Ok(cards)
    }

    async fn visible_of(&self, ids: &[i64], ready: Ready) -> Result<Vec<Arc<Card>>> {
        let found = self.find(ids, ready).await?;
        Ok(ids.iter().filter_map(|id| found.get(id)?.card.clone()).collect())
    }

    /// Whether all of these are in memory.
    pub fn has(&self, ids: &[i64]) -> bool {
        ids.iter().all(|id| self.entries.contains_key(id))
    }

    /// Looks these up for later.
    pub async fn fetch(&self, ids: &[i64]) -> Result<Ready> {
        self.find(ids, Ready::default()).await.map(Ready)
    }

    async fn find(&self, ids: &[i64], Ready(mut found): Ready) -> Result<HashMap<i64, Entry>> {
        found.retain(|id, entry| !self.is_old(*id, entry.stamp));
        let mut missing = ids.to_vec();
        missing.retain(|id| !found.contains_key(id));
        for _ in 0..ROUNDS {
            missing.retain(|id| match self.entries.get(id) {
                Some(entry) => {
                    found.insert(*id, entry);
                    false
                }
                None => true,
            });
            if missing.is_empty() {
                return Ok(found);
            }
            let (mine, others) = self.flights.take(&missing);
            if !mine.ids().is_empty() {
                found.extend(self.load(mine.ids()).await?);
                missing.retain(|id| !found.contains_key(id));
            }
            drop(mine);
            for other in others {
                other.landed().await;
            }
        }
        found.extend(self.load(&missing).await?);
        Ok(found)
    }

    /// From Redis, and the rest from the table.
    async fn load(&self, ids: &[i64]) -> Result<HashMap<i64, Entry>> {
        let mut found = self.in_redis(ids).await;
        for (id, entry) in &found {
            if rand::random_ratio(1, KEPT) {
                self.keep(*id, entry);
            }
        }
        let missing: Vec<i64> = ids.iter().copied().filter(|id| !found.contains_key(id)).collect();
        if !missing.is_empty() {
            let listed = {
                let _permit = self.gate.enter().await?;
                listing::of(&self.db, &missing).await?
            };
            self.put_into_redis(&listed).await;
            let mut listed: HashMap<i64, Listed> = listed.into_iter().map(|l| (l.video.id, l)).collect();
            for id in missing {
                let entry = self.entry(listed.remove(&id));
                self.keep(id, &entry);
                found.insert(id, entry);
            }
        }
        Ok(found)
    }

    fn entry(&self, listed: Option<Listed>) -> Entry {
        let Some(listed) = listed else { return Entry { stamp: 0, card: None } };
        let card = listed.is_visible.then(|| Arc::new(self.links.card(&listed)));
        Entry { stamp: listed.stamp, card }
    }

    /// First in, then the look at the mark; the follower marks first, then
    /// drops. Whichever comes later, what is old does not stay.
    fn keep(&self, id: i64, entry: &Entry) {
        self.entries.insert(id, entry.clone());
        if self.is_old(id, entry.stamp) {
            self.entries.invalidate(&id);
        }
    }

    fn is_old(&self, id: i64, stamp: Seq) -> bool {
        self.marks.get(&id).is_some_and(|mark| stamp < mark)
    }

    /// A video changed at this place: what is older is no longer true.
    pub fn mark(&self, id: i64, stamp: Seq) {
        let marked = self.marks.get(&id).map_or(stamp, |mark| mark.max(stamp));
        self.marks.insert(id, marked);
        if self.entries.get(&id).is_some_and(|entry| entry.stamp < marked) {
            self.entries.invalidate(&id);
        }
    }

    async fn in_redis(&self, ids: &[i64]) -> HashMap<i64, Entry> {
        let Some(redis) = &self.redis else { return HashMap::new() };
        let mut ask = cmd("MGET");
        for id in ids {
            ask.arg(card_key(redis, *id));
        }
        // Away: the table has it.
        let Ok(answers) = redis.run::<Vec<Option<Vec<u8>>>>(&ask).await else { return HashMap::new() };
        let mut found = HashMap::with_capacity(ids.len());
        for (id, answer) in ids.iter().zip(answers) {
            if let Some((stamp, card)) = answer.and_then(|bytes| self.links.read(&bytes))
                && !self.is_old(*id, stamp)
            {
                found.insert(*id, Entry { stamp, card: Some(Arc::new(card)) });
            }
        }
        found
    }

    /// Puts visible videos into Redis. Whether it took them: nothing is lost
    /// where it did not.
    pub async fn put_into_redis(&self, listed: &[Listed]) -> bool {
        let Some(redis) = &self.redis else { return false };
        let mut place = 0;
        while place < listed.len() {
            let mut call = self.store.prepare_invoke();
            call.arg(TTL.as_secs());
            let mut sent = 0;
            while sent < SENT
                && let Some(listed) = listed.get(place)
            {
                place += 1;
                if listed.is_visible {
                    let bytes = bytes(listed);
                    sent += bytes.len();
                    call.key(card_key(redis, listed.video.id)).key(applied_key(redis, listed.video.id));
                    call.arg(listed.stamp).arg(bytes);
                }
            }
            if redis.run_script::<()>(&call).await.is_err() {
                return false;
            }
        }
        true
    }
}
