//! Brings Redis up to date with the queued changes.
//!
//! A change is queued in its own transaction and applied soon after; while Redis
//! is unavailable the queue waits. Every replica works on the queue: applying a
//! change is idempotent, a lease would delay the rest when its holder dies, and
//! `applied:{id}` stops a slow replica from overwriting a newer state.

use std::{collections::BTreeMap, sync::Arc};

use fenz_cache::{Pipeline, Redis, pipe};
use fenz_core::{Error, Result};
use sea_orm::DatabaseConnection;

use super::{VideoSets, popular, sets, summaries, wakeup::Wakeup};
use crate::{
    domain::{ListedVideo, VideoId, Window},
    store::{
        evictions::{self, Eviction},
        listing,
    },
};

/// Changes per round trip.
const BATCH_SIZE: u64 = 200;
/// How long the applied revision of a video is kept: longer than any write to
/// Redis follows the read of its row.
const APPLIED_TTL: u64 = 3600;
/// How long the generation of a set is kept: longer than a set takes to fill.
const GENERATION_TTL: u64 = 24 * 3600;

/// Applies the state of one video. Keys: summary, applied revision, the popular
/// lists, then per tag its set and that set's generation. Current tags come
/// before removed ones.
const APPLY: &str = r"
local revision, bytes, public, id = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
if tonumber(revision) < tonumber(redis.call('GET', KEYS[2]) or '0') then return 0 end
redis.call('SET', KEYS[2], revision, 'EX', ARGV[6])
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

pub struct RedisSync {
    db: DatabaseConnection,
    redis: Option<Redis>,
    sets: Arc<VideoSets>,
    pub wakeup: Wakeup,
}

impl RedisSync {
    pub fn new(db: DatabaseConnection, redis: Option<Redis>, sets: Arc<VideoSets>) -> Self {
        Self { db, redis, sets, wakeup: Wakeup::default() }
    }

    /// Applies all queued changes.
    ///
    /// # Errors
    /// `UNAVAILABLE` when Redis is; the rest stays queued.
    pub async fn drain(&self) -> Result<()> {
        loop {
            let queued = evictions::oldest(&self.db, BATCH_SIZE).await?;
            let Some(last) = queued.last() else { return Ok(()) };
            if let Some(redis) = &self.redis {
                let commands = self.commands(redis, &queued).await?;
                redis.run_all::<()>(&commands).await.map_err(|error| Error::unavailable("redis", error))?;
                self.sets.invalidate();
            }
            evictions::delete_through(&self.db, last).await?;
        }
    }

    async fn commands(&self, redis: &Redis, queued: &[Eviction]) -> Result<Pipeline> {
        let mut changes: BTreeMap<VideoId, Eviction> = BTreeMap::new();
        for eviction in queued {
            let merged = changes.entry(eviction.video_id).or_insert_with(|| eviction.clone());
            merged.seq = merged.seq.max(eviction.seq);
            merged.views_only &= eviction.views_only;
            merged.removed_tags.extend(&eviction.removed_tags);
        }
        let ids: Vec<VideoId> = changes.keys().copied().collect();
        let states: BTreeMap<VideoId, ListedVideo> =
            listing::find(&self.db, &ids).await?.into_iter().map(|l| (l.video.id, l)).collect();
        let mut commands = pipe();
        for change in changes.values() {
            add_command(&mut commands, redis, change, states.get(&change.video_id));
        }
        Ok(commands)
    }
}

fn add_command(commands: &mut Pipeline, redis: &Redis, change: &Eviction, state: Option<&ListedVideo>) {
    let id = change.video_id;
    let is_public = state.is_some_and(ListedVideo::is_public);
    let revision = state.map_or(change.seq, |s| s.revision);
    let summary = state.filter(|s| s.is_visible).map(summaries::encode).unwrap_or_default();
    let mut keys = vec![None];
    keys.extend(state.iter().flat_map(|s| &s.video.tag_ids).copied().map(Some));
    let current = keys.len();
    for tag in &change.removed_tags {
        if !keys.contains(&Some(*tag)) {
            keys.push(Some(*tag));
        }
    }
    if change.views_only {
        keys.clear();
    }
    let call = commands.cmd("EVAL").arg(APPLY).arg(5 + 2 * keys.len());
    call.arg(summaries::summary_key(redis, id)).arg(summaries::applied_key(redis, id));
    for window in Window::ALL {
        call.arg(popular::list_key(redis, window));
    }
    for key in keys {
        call.arg(sets::set_key(redis, key)).arg(sets::generation_key(redis, key));
    }
    call.arg(revision).arg(summary).arg(i32::from(is_public)).arg(id.0);
    call.arg(summaries::TTL.as_secs()).arg(APPLIED_TTL).arg(GENERATION_TTL).arg(current).ignore();
}
