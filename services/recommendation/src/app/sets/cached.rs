//! The sets in Redis.
//!
//! `tag:{id}` and `tag:all` are sets of ids: sorted ones, all of one score, for
//! they can be sampled by rank. SRANDMEMBER is not fair enough: of sets of 800
//! and 600 it failed a chi-square test (1,873 where 99.99% lie below 1,171).
//! Each has the member `0`, which is no video: the mark that it is complete. It
//! lives and goes with the set, so an expired or flushed one is told from an empty tag,
//! and what is added to a set that has gone makes none that looks whole.
//!
//! A set is filled beside and put in place by a rename. `tag:{id}:gen` counts
//! what was applied to it ([`crate::app::Cleanup`]): the filler brings its set
//! up to date from the table and renames it only if nothing was applied since
//! it looked; what is applied later finds the new set.

use std::{collections::HashSet, sync::Arc, time::Duration};

use fenz_chassis::redis::{Away, Redis, Script, cmd, pipe};
use sea_orm::DatabaseConnection;

use super::{Failure, Key, PAGE};
use crate::{
    app::gate::Gate,
    domain::{
        Listed,
        draw::{Before, Ids, Sample},
    },
    store::{
        listing::{self, Cursor},
        sequence, videos,
    },
};

/// How long a set lives.
pub const TTL: Duration = Duration::from_secs(30 * 60);
/// With less than this left it is filled anew.
const REFRESH_BELOW: Duration = Duration::from_secs(10 * 60);
/// How long a set that is being filled outlives its filler.
const UNFINISHED: i64 = 600;
/// Ids that one command adds.
const CHUNK: usize = 1_000;
const CHANGES: u64 = 500;
/// Ids that a small set has at most, and its mark.
const SMALL: usize = 2_000;
/// Members of a set that are read at a time.
const PART: usize = 5_000;
/// How often a filler finds that something was applied meanwhile before it
/// leaves the set to the next.
const CATCH_UPS: usize = 50;

/// Members of sets at random, and of which of them an earlier set has none.
const SAMPLE: &str = r"
local missing = {0}
for i = 1, #KEYS do
  if not redis.call('ZSCORE', KEYS[i], '0') then missing[#missing + 1] = i end
end
if #missing > 1 then return missing end
math.randomseed(tonumber(ARGV[2]))
local wanted, out = tonumber(ARGV[1]), {1}
for i = 1, #KEYS do
  local size, ids, first = redis.call('ZCARD', KEYS[i]) - 1, {}, {}
  if size <= wanted then
    ids = redis.call('ZRANGE', KEYS[i], 1, -1)
  else
    local taken = {}
    while #ids < wanted do
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

/// Puts a set in place, if nothing was applied since its filler looked.
const PLACE: &str = r"
if (redis.call('GET', KEYS[3]) or '') ~= ARGV[1] then return 0 end
if not redis.call('ZSCORE', KEYS[1], '0') then return -1 end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
";

/// The name of a set.
pub fn set_key(redis: &Redis, key: Key) -> String {
    match key {
        Some(tag) => redis.key(format_args!("tag:{}", tag.0)),
        None => redis.key("tag:all"),
    }
}

/// The name of what counts the changes of a set.
pub fn gen_key(redis: &Redis, key: Key) -> String {
    format!("{}:gen", set_key(redis, key))
}

pub struct Cached {
    redis: Redis,
    db: DatabaseConnection,
    gate: Arc<Gate>,
    sample: Script,
    place: Script,
}

impl Cached {
    pub fn new(redis: Redis, db: DatabaseConnection, gate: Arc<Gate>) -> Self {
        Self { redis, db, gate, sample: Script::new(SAMPLE), place: Script::new(PLACE) }
    }

    /// Samples of sets, or which of them are not there.
    pub async fn samples(&self, keys: &[Key], count: usize) -> Result<Result<Vec<Sample>, Vec<Key>>, Away> {
        let mut call = self.sample.prepare_invoke();
        for key in keys {
            call.key(set_key(&self.redis, *key));
        }
        call.arg(count).arg(rand::random_range(0..i32::MAX));
        let reply: Vec<i64> = self.redis.run_script(&call).await?;
        let mut words = reply.into_iter();
        if words.next() != Some(1) {
            return Ok(Err(words.filter_map(|place| keys.get(place as usize - 1).copied()).collect()));
        }
        let mut next = || words.next().unwrap_or_default();
        let samples = keys.iter().map(|_| {
            let (size, count) = (next() as usize, next());
            let (mut ids, mut before) = (Vec::with_capacity(count as usize), HashSet::new());
            for _ in 0..count {
                let (id, is_first) = (next(), next() == 1);
                ids.push(id);
                if !is_first {
                    before.insert(id);
                }
            }
            Sample { size, ids, before: Before::Has(before) }
        });
        Ok(Ok(samples.collect()))
    }

    /// A set that is small, None within for a large one; None for one that is
    /// not there.
    pub async fn small(&self, key: Key) -> Result<Option<Option<Ids>>, Away> {
        let name = set_key(&self.redis, key);
        let mut ask = pipe();
        ask.cmd("ZSCORE").arg(&name).arg(0).cmd("ZCARD").arg(&name);
        let (mark, size): (Option<f64>, usize) = self.redis.run_all(&ask).await?;
        if mark.is_none() {
            return Ok(None);
        }
        if size > SMALL {
            return Ok(Some(None));
        }
        Ok(self.ids(key, 2 * SMALL).await?.map(Some))
    }

    /// All of a set, ascending; None where it is not there or has more ids.
    pub async fn ids(&self, key: Key, most: usize) -> Result<Option<Ids>, Away> {
        let name = set_key(&self.redis, key);
        let mut ids: Vec<i64> = Vec::new();
        while ids.len() <= most {
            let mut ask = cmd("ZRANGE");
            ask.arg(&name).arg(ids.len()).arg(ids.len() + PART - 1);
            let part: Vec<i64> = self.redis.run(&ask).await?;
            let is_last = part.len() < PART;
            ids.extend(part);
            if is_last {
                ids.sort_unstable();
                // What moved while it was read may be there twice.
                ids.dedup();
                // The mark: it is whole.
                return Ok((ids.first() == Some(&0)).then(|| Arc::new(ids.split_off(1))));
            }
        }
        Ok(None)
    }

    /// Whether a set is there as a whole.
    pub async fn is_complete(&self, key: Key) -> Result<bool, Away> {
        let mark: Option<f64> = self.redis.run(cmd("ZSCORE").arg(set_key(&self.redis, key)).arg(0)).await?;
        Ok(mark.is_some())
    }

    /// Whether a set is there and stays for a while.
    pub async fn is_fresh(&self, key: Key) -> Result<bool, Away> {
        let name = set_key(&self.redis, key);
        let mut ask = pipe();
        ask.cmd("ZSCORE").arg(&name).arg(0).cmd("TTL").arg(&name);
        let (mark, left): (Option<f64>, i64) = self.redis.run_all(&ask).await?;
        Ok(mark.is_some() && left >= REFRESH_BELOW.as_secs() as i64)
    }

    /// Fills a set from the table.
    pub async fn fill(&self, key: Key) -> Result<(), Failure> {
        let beside = format!("{}:new:{:016x}", set_key(&self.redis, key), rand::random::<u64>());
        let mut since = Cursor::behind(sequence::last(&self.db).await?);
        self.redis.run::<()>(cmd("ZADD").arg(&beside).arg(0).arg(0)).await?;
        let mut after = 0;
        loop {
            let _permit = self.gate.enter().await?;
            let ids = videos::public_ids(&self.db, key, after, PAGE).await?;
            let more = ids.len() as u64 == PAGE;
            after = ids.last().copied().unwrap_or_default();
            let mut add = pipe();
            for ids in ids.chunks(CHUNK) {
                let members: Vec<(i64, i64)> = ids.iter().map(|id| (0, *id)).collect();
                add.cmd("ZADD").arg(&beside).arg(members).ignore();
            }
            add.cmd("EXPIRE").arg(&beside).arg(UNFINISHED).ignore();
            self.redis.run_all::<()>(&add).await?;
            if !more {
                break;
            }
        }
        for _ in 0..CATCH_UPS {
            if self.place(key, &beside, &mut since).await? {
                return Ok(());
            }
        }
        tracing::warn!(set = set_key(&self.redis, key), "a set changes faster than it is filled");
        Ok(())
    }

    /// Brings a set up to date and puts it in place. False when something was
    /// applied meanwhile.
    async fn place(&self, key: Key, beside: &str, since: &mut Cursor) -> Result<bool, Failure> {
        let count = gen_key(&self.redis, key);
        let seen: Option<String> = self.redis.run(cmd("GET").arg(&count)).await?;
        loop {
            let changes = listing::changed_after(&self.db, *since, CHANGES).await?;
            let Some(last) = changes.last() else { break };
            *since = Cursor { seq: last.change_seq, video_id: last.video.id };
            self.redis.run_all::<()>(&applied(key, beside, &changes)).await?;
        }
        let mut call = self.place.prepare_invoke();
        call.key(beside).key(set_key(&self.redis, key)).key(count);
        call.arg(seen.unwrap_or_default()).arg(TTL.as_secs());
        match self.redis.run_script::<i64>(&call).await? {
            0 => Ok(false),
            // Flushed under our hands: the next who asks fills it.
            _ => Ok(true),
        }
    }
}

fn applied(key: Key, set: &str, changes: &[Listed]) -> fenz_chassis::redis::Pipeline {
    let mut apply = pipe();
    for listed in changes {
        let has_tag = key.is_none_or(|tag| listed.video.tag_ids.contains(&tag.0));
        if listed.is_public() && has_tag {
            apply.cmd("ZADD").arg(set).arg(0).arg(listed.video.id).ignore();
        } else {
            apply.cmd("ZREM").arg(set).arg(listed.video.id).ignore();
        }
    }
    apply
}
