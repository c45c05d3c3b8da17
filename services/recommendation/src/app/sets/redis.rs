//! The sets in Redis.
//!
//! `tag:{id}` and `tag:all` are sorted sets of ids with equal scores, because
//! those can be sampled by rank. SRANDMEMBER is not uniform: on sets of 800 and
//! 600 ids it failed a chi-square test (1,873, where 99.99% are below 1,171).
//! Each has the sentinel member `0`, which is no video id and says that the set
//! is complete. It expires with its set, which tells a missing set from one of
//! an unused tag, and a set that an addition recreates is not taken as complete.
//!
//! A set is filled under a temporary key and renamed. `tag:{id}:gen` is its
//! generation: it counts the changes that were applied to it
//! ([`crate::app::RedisSync`]). The filler catches up from the table and renames
//! only if the generation has not changed since it read it; later changes are
//! applied to the renamed set.

use std::{collections::HashSet, sync::Arc, time::Duration};

use fenz_cache::{Redis, Script, Unavailable, cmd, pipe};
use fenz_core::Random;
use sea_orm::DatabaseConnection;

use super::{Failure, PAGE_SIZE, SetKey};
use crate::{
    app::read_limiter::ReadLimiter,
    domain::{
        ListedVideo, VideoId,
        sampling::{EarlierSets, Ids, Sample},
    },
    store::{
        listing::{self, Cursor},
        sequence, videos,
    },
};

pub const TTL: Duration = Duration::from_secs(30 * 60);
/// A set with less than this left is refreshed.
const MIN_TTL: Duration = Duration::from_secs(10 * 60);
/// The TTL of a temporary key, in case its filler dies.
const TEMP_TTL: i64 = 600;
/// Ids per ZADD.
const CHUNK_LEN: usize = 1_000;
/// Changes read per query.
const CHANGES_PAGE_SIZE: u64 = 500;
/// Members of a small set at most, with the sentinel.
const MAX_SMALL_LEN: usize = 2_000;
/// Members read per ZRANGE.
const RANGE_LEN: usize = 5_000;
/// How often a filler catches up with concurrent changes before it gives up.
const MAX_CATCH_UPS: usize = 50;

/// Random members of sets, each with whether no earlier set has it; or the
/// indexes of the missing sets.
const SAMPLE: &str = r"
local missing = {0}
for i = 1, #KEYS do
  if not redis.call('ZSCORE', KEYS[i], '0') then missing[#missing + 1] = i end
end
if #missing > 1 then return missing end
math.randomseed(tonumber(ARGV[2]))
local count, out = tonumber(ARGV[1]), {1}
for i = 1, #KEYS do
  local size, ids, first = redis.call('ZCARD', KEYS[i]) - 1, {}, {}
  if size <= count then
    ids = redis.call('ZRANGE', KEYS[i], 1, -1)
  else
    local taken = {}
    while #ids < count do
      local rank = math.random(1, size)
      if not taken[rank] then
        taken[rank] = true
        ids[#ids + 1] = redis.call('ZRANGE', KEYS[i], rank, rank)[1]
      end
    end
  end
  for k = 1, #ids do first[k] = 1 end
  if #ids > 0 then
    for j = 1, i - 1 do
      local has = redis.call('ZMSCORE', KEYS[j], unpack(ids))
      for k = 1, #ids do if has[k] then first[k] = 0 end end
    end
  end
  out[#out + 1] = size
  out[#out + 1] = #ids
  for k = 1, #ids do out[#out + 1] = ids[k]; out[#out + 1] = first[k] end
end
return out
";

/// Renames a filled set, if its generation is as the filler read it.
const SWAP_IN: &str = r"
if (redis.call('GET', KEYS[3]) or '') ~= ARGV[1] then return 0 end
if not redis.call('ZSCORE', KEYS[1], '0') then return -1 end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
";

/// The key of a set.
pub fn set_key(redis: &Redis, key: SetKey) -> String {
    match key {
        Some(tag) => redis.key(format_args!("tag:{}", tag.0)),
        None => redis.key("tag:all"),
    }
}

/// The key of a set's generation.
pub fn generation_key(redis: &Redis, key: SetKey) -> String {
    format!("{}:gen", set_key(redis, key))
}

pub struct RedisSets {
    redis: Redis,
    db: DatabaseConnection,
    limiter: Arc<ReadLimiter>,
    random: Random,
    sample: Script,
    swap_in: Script,
}

impl RedisSets {
    pub fn new(redis: Redis, db: DatabaseConnection, limiter: Arc<ReadLimiter>, random: Random) -> Self {
        Self { redis, db, limiter, random, sample: Script::new(SAMPLE), swap_in: Script::new(SWAP_IN) }
    }

    /// Samples of sets, or else which of them are missing.
    pub async fn samples(
        &self,
        keys: &[SetKey],
        count: usize,
    ) -> Result<Result<Vec<Sample>, Vec<SetKey>>, Unavailable> {
        let mut call = self.sample.prepare_invoke();
        for key in keys {
            call.key(set_key(&self.redis, *key));
        }
        call.arg(count).arg(self.random.value::<u32>() >> 1);
        let reply: Vec<i64> = self.redis.run_script(&call).await?;
        let mut values = reply.into_iter();
        if values.next() != Some(1) {
            return Ok(Err(values.filter_map(|index| keys.get(index as usize - 1).copied()).collect()));
        }
        let mut next = || values.next().unwrap_or_default();
        let samples = keys.iter().map(|_| {
            let (size, count) = (next() as usize, next());
            let (mut ids, mut shared) = (Vec::with_capacity(count as usize), HashSet::new());
            for _ in 0..count {
                let (id, is_first) = (next(), next() == 1);
                ids.push(VideoId(id));
                if !is_first {
                    shared.insert(VideoId(id));
                }
            }
            Sample { size, ids, earlier: EarlierSets::Shared(shared) }
        });
        Ok(Ok(samples.collect()))
    }

    /// A small set: `Some(None)` if it is large, `None` if it is missing.
    pub async fn small(&self, key: SetKey) -> Result<Option<Option<Ids>>, Unavailable> {
        let set = set_key(&self.redis, key);
        let mut query = pipe();
        query.cmd("ZSCORE").arg(&set).arg(0).cmd("ZCARD").arg(&set);
        let (sentinel, size): (Option<f64>, usize) = self.redis.run_all(&query).await?;
        if sentinel.is_none() {
            return Ok(None);
        }
        if size > MAX_SMALL_LEN {
            return Ok(Some(None));
        }
        Ok(self.ids(key, 2 * MAX_SMALL_LEN).await?.map(Some))
    }

    /// All ids of a set, ascending; None if it is missing or larger than `limit`.
    pub async fn ids(&self, key: SetKey, limit: usize) -> Result<Option<Ids>, Unavailable> {
        let set = set_key(&self.redis, key);
        let mut ids: Vec<i64> = Vec::new();
        while ids.len() <= limit {
            let mut query = cmd("ZRANGE");
            query.arg(&set).arg(ids.len()).arg(ids.len() + RANGE_LEN - 1);
            let range: Vec<i64> = self.redis.run(&query).await?;
            let is_last = range.len() < RANGE_LEN;
            ids.extend(range);
            if is_last {
                ids.sort_unstable();
                // Ranks shift if it changes meanwhile, which repeats members.
                ids.dedup();
                return Ok(
                    (ids.first() == Some(&0)).then(|| Arc::new(ids.split_off(1).into_iter().map(VideoId).collect()))
                );
            }
        }
        Ok(None)
    }

    pub async fn is_complete(&self, key: SetKey) -> Result<bool, Unavailable> {
        let sentinel: Option<f64> = self.redis.run(cmd("ZSCORE").arg(set_key(&self.redis, key)).arg(0)).await?;
        Ok(sentinel.is_some())
    }

    /// Whether a set is complete and does not expire soon.
    pub async fn is_fresh(&self, key: SetKey) -> Result<bool, Unavailable> {
        let set = set_key(&self.redis, key);
        let mut query = pipe();
        query.cmd("ZSCORE").arg(&set).arg(0).cmd("TTL").arg(&set);
        let (sentinel, ttl): (Option<f64>, i64) = self.redis.run_all(&query).await?;
        Ok(sentinel.is_some() && ttl >= MIN_TTL.as_secs() as i64)
    }

    /// Fills a set from the table.
    pub async fn fill(&self, key: SetKey) -> Result<(), Failure> {
        let temp = format!("{}:new:{:016x}", set_key(&self.redis, key), self.random.value::<u64>());
        let mut since = Cursor::end_of(sequence::last(&self.db).await?);
        self.redis.run::<()>(cmd("ZADD").arg(&temp).arg(0).arg(0)).await?;
        let mut after = VideoId(0);
        loop {
            let _permit = self.limiter.acquire().await?;
            let ids = videos::public_ids(&self.db, key, after, PAGE_SIZE).await?;
            let is_full = ids.len() as u64 == PAGE_SIZE;
            after = ids.last().copied().unwrap_or(after);
            let mut add = pipe();
            for ids in ids.chunks(CHUNK_LEN) {
                let members: Vec<(i64, i64)> = ids.iter().map(|id| (0, id.0)).collect();
                add.cmd("ZADD").arg(&temp).arg(members).ignore();
            }
            add.cmd("EXPIRE").arg(&temp).arg(TEMP_TTL).ignore();
            self.redis.run_all::<()>(&add).await?;
            if !is_full {
                break;
            }
        }
        for _ in 0..MAX_CATCH_UPS {
            if self.swap_in(key, &temp, &mut since).await? {
                return Ok(());
            }
        }
        tracing::warn!(set = set_key(&self.redis, key), "set not filled: it changes faster than it is read");
        Ok(())
    }

    /// Applies the changes since `since` to the temporary set and renames it.
    /// False if other changes were applied meanwhile.
    async fn swap_in(&self, key: SetKey, temp: &str, since: &mut Cursor) -> Result<bool, Failure> {
        let generation_key = generation_key(&self.redis, key);
        let generation: Option<String> = self.redis.run(cmd("GET").arg(&generation_key)).await?;
        loop {
            let changes = listing::changed_after(&self.db, *since, CHANGES_PAGE_SIZE).await?;
            let Some(last) = changes.last() else { break };
            *since = Cursor { seq: last.change_seq, video_id: last.video.id };
            self.redis.run_all::<()>(&change_commands(key, temp, &changes)).await?;
        }
        let mut call = self.swap_in.prepare_invoke();
        call.key(temp).key(set_key(&self.redis, key)).key(generation_key);
        call.arg(generation.unwrap_or_default()).arg(TTL.as_secs());
        match self.redis.run_script::<i64>(&call).await? {
            0 => Ok(false),
            // Renamed, or flushed meanwhile: then the next request fills it.
            _ => Ok(true),
        }
    }
}

fn change_commands(key: SetKey, set: &str, changes: &[ListedVideo]) -> fenz_cache::Pipeline {
    let mut apply = pipe();
    for change in changes {
        let has_tag = key.is_none_or(|tag| change.video.tag_ids.contains(&tag));
        if change.is_public() && has_tag {
            apply.cmd("ZADD").arg(set).arg(0).arg(change.video.id.0).ignore();
        } else {
            apply.cmd("ZREM").arg(set).arg(change.video.id.0).ignore();
        }
    }
    apply
}
