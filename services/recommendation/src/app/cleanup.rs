//! Brings Redis up to date with what changed: the cleanup queue.
//!
//! A change is queued in its own transaction and applied moments later. While
//! Redis is away the queue waits. Every replica works on it: to apply a change
//! twice does no harm, a lease would make the rest wait when its holder dies,
//! and `applied:{id}` keeps a slow replica from putting an old state over a
//! newer one.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fenz_chassis::{
    Error, Result,
    redis::{Pipeline, Redis, pipe},
};
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

use super::{Sets, popular, sets, shelf};
use crate::{
    domain::{Listed, TagId, Window},
    store::{
        evictions::{self, Eviction},
        listing,
    },
};

/// Changes that are applied in one round trip.
const BATCH: u64 = 200;
/// How long it is remembered which state was applied: longer than anybody
/// takes from reading a row to writing it.
const REMEMBERED: u64 = 3600;
/// How long a set's count of changes lives; longer than it takes to fill.
const COUNTED: u64 = 24 * 3600;

/// Applies one video's state. Keys: card, applied, the popular lists, then for
/// each tag its set and its count. Tags that it has come first.
const APPLY: &str = r"
local stamp, bytes, public, id = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
if tonumber(stamp) < tonumber(redis.call('GET', KEYS[2]) or '0') then return 0 end
redis.call('SET', KEYS[2], stamp, 'EX', ARGV[6])
if bytes == '' then
  redis.call('DEL', KEYS[1])
elseif redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('SET', KEYS[1], bytes, 'EX', ARGV[5])
end
if not public then
  for p = 3, 5 do redis.call('ZREM', KEYS[p], id) end
end
for i = 6, #KEYS, 2 do
  redis.call('INCR', KEYS[i + 1])
  redis.call('EXPIRE', KEYS[i + 1], ARGV[7])
  if public and (i - 4) / 2 <= tonumber(ARGV[8]) then
    if redis.call('ZSCORE', KEYS[i], '0') then redis.call('ZADD', KEYS[i], 0, id) end
  else
    redis.call('ZREM', KEYS[i], id)
  end
end
return 1
";

pub struct Cleanup {
    db: DatabaseConnection,
    redis: Option<Redis>,
    sets: Arc<Sets>,
    woken: Notify,
}

impl Cleanup {
    pub fn new(db: DatabaseConnection, redis: Option<Redis>, sets: Arc<Sets>) -> Self {
        Self { db, redis, sets, woken: Notify::new() }
    }

    /// Something was queued and is committed in moments.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Waits for the next look.
    pub async fn woken(&self, at_most: Duration) {
        if tokio::time::timeout(at_most, self.woken.notified()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Works the queue off.
    ///
    /// # Errors
    /// `UNAVAILABLE` when Redis is away; what is left stays queued.
    pub async fn work_off(&self) -> Result<()> {
        loop {
            let queued = evictions::first(&self.db, BATCH).await?;
            let Some(last) = queued.last() else { return Ok(()) };
            if let Some(redis) = &self.redis {
                let apply = self.commands(redis, &queued).await?;
                redis.run_all::<()>(&apply).await.map_err(|away| Error::unavailable("redis", away))?;
                self.sets.renew();
            }
            evictions::done(&self.db, last).await?;
        }
    }

    async fn commands(&self, redis: &Redis, queued: &[Eviction]) -> Result<Pipeline> {
        let mut changes: BTreeMap<i64, Eviction> = BTreeMap::new();
        for eviction in queued {
            let known = changes.entry(eviction.video_id).or_insert_with(|| eviction.clone());
            known.seq = known.seq.max(eviction.seq);
            known.views_only &= eviction.views_only;
            known.lost_tags.extend(&eviction.lost_tags);
        }
        let ids: Vec<i64> = changes.keys().copied().collect();
        let states: BTreeMap<i64, Listed> =
            listing::of(&self.db, &ids).await?.into_iter().map(|l| (l.video.id, l)).collect();
        let mut apply = pipe();
        for change in changes.values() {
            command(&mut apply, redis, change, states.get(&change.video_id));
        }
        Ok(apply)
    }
}

/// Adds what applies one video's state.
fn command(apply: &mut Pipeline, redis: &Redis, change: &Eviction, state: Option<&Listed>) {
    let id = change.video_id;
    let is_public = state.is_some_and(Listed::is_public);
    let stamp = state.map_or(change.seq, |s| s.stamp);
    let card = state.filter(|s| s.is_visible).map(shelf::bytes).unwrap_or_default();
    let mut has = vec![None];
    has.extend(state.iter().flat_map(|s| &s.video.tag_ids).map(|tag| Some(TagId(*tag))));
    let count = has.len();
    for tag in &change.lost_tags {
        if !has.contains(&Some(TagId(*tag))) {
            has.push(Some(TagId(*tag)));
        }
    }
    if change.views_only {
        has.clear();
    }
    let call = apply.cmd("EVAL").arg(APPLY).arg(5 + 2 * has.len());
    call.arg(shelf::card_key(redis, id)).arg(shelf::applied_key(redis, id));
    for window in Window::ALL {
        call.arg(popular::list_key(redis, window));
    }
    for tag in has {
        call.arg(sets::set_key(redis, tag)).arg(sets::gen_key(redis, tag));
    }
    call.arg(stamp).arg(card).arg(i32::from(is_public)).arg(id);
    call.arg(shelf::TTL.as_secs()).arg(REMEMBERED).arg(COUNTED).arg(count).ignore();
}
