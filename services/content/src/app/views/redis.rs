//! Views in Redis, counted by all replicas together.
//!
//! `views:buffer` is a hash of counts, which contains the id of its flush from the
//! first count on. A flush renames it to `views:flush:{id}`, adds the id to the set
//! `views:flushes`, applies the counts, and deletes both. After a crash the next flush
//! finds the id in `views:flushes`. A full buffer is renamed by the count that fills it,
//! which limits the size of a flush. The id is stored with the counts, so that a Redis
//! restored from an old state does not make them count twice.

use std::{collections::HashMap, sync::LazyLock};

use anyhow::Result;
use fenz_cache::{Redis, Script, Unavailable, cmd, pipe};
use fenz_core::IdGenerator;

use super::{
    dedup::View,
    flush::{Batch, Flusher, ViewDelta},
};
use crate::domain::{VideoId, Views};

const BUFFER: &str = "views:buffer";
const FLUSHES: &str = "views:flushes";
const FLUSH_PREFIX: &str = "views:flush:";
/// The field of the buffer with the id of its flush.
const ID_FIELD: &str = "id";
/// Fields of a full buffer; one per video, hour and kind of viewer.
const MAX_FIELDS: usize = 1000;
/// Expiry of a viewer's key, which contains the hour.
const SEEN_SECONDS: i64 = 3600;

/// Counts a view unless the viewer's key exists.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then
            redis.call('HSETNX', KEYS[2], 'id', ARGV[2])
            redis.call('HINCRBY', KEYS[2], ARGV[3], 1)
            if redis.call('HLEN', KEYS[2]) > tonumber(ARGV[4]) then
                local id = redis.call('HGET', KEYS[2], 'id')
                redis.call('RENAME', KEYS[2], KEYS[4] .. id)
                redis.call('SADD', KEYS[3], id)
            end
            return 1
        end
        return 0",
    )
});

/// Renames the buffer, and returns the ids of all flushes to apply.
static BEGIN_FLUSH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local id = redis.call('HGET', KEYS[1], 'id')
        if id then
            redis.call('RENAME', KEYS[1], KEYS[3] .. id)
            redis.call('SADD', KEYS[2], id)
        end
        return redis.call('SMEMBERS', KEYS[2])",
    )
});

pub struct RedisViews {
    redis: Redis,
    ids: IdGenerator,
}

/// Whether a command that failed may have been executed.
pub fn may_have_executed(error: &Unavailable) -> bool {
    match error {
        Unavailable::CircuitOpen => false,
        Unavailable::Failed(error) => {
            (error.is_timeout() || error.is_connection_dropped()) && !error.is_connection_refusal()
        }
    }
}

impl RedisViews {
    pub fn new(redis: Redis, ids: IdGenerator) -> Self {
        Self { redis, ids }
    }

    /// Counts a view, unless another replica has counted it.
    pub async fn count(&self, view: &View, is_member: bool) -> Result<(), Unavailable> {
        let viewer = view.viewer.iter().fold(String::with_capacity(32), |text, byte| format!("{text}{byte:02x}"));
        let seen = self.redis.key(format_args!("views:seen:{}:{}:{viewer}", view.video.0, view.hour));
        let field = format!("{}:{}:{}", view.video.0, view.hour, if is_member { 'm' } else { 'n' });
        let mut call = COUNT.prepare_invoke();
        call.key(seen).key(self.redis.key(BUFFER)).key(self.redis.key(FLUSHES)).key(self.redis.key(FLUSH_PREFIX));
        call.arg(SEEN_SECONDS).arg(self.ids.next()).arg(field).arg(MAX_FIELDS);
        self.redis.run_script::<i64>(&call).await?;
        Ok(())
    }

    /// Adds the counts, and those of interrupted flushes, to the totals.
    pub async fn flush(&self, flusher: &Flusher) -> Result<()> {
        let mut call = BEGIN_FLUSH.prepare_invoke();
        call.key(self.redis.key(BUFFER)).key(self.redis.key(FLUSHES)).key(self.redis.key(FLUSH_PREFIX));
        let mut ids: Vec<i64> = self.redis.run_script(&call).await?;
        ids.sort_unstable();
        for id in ids {
            let key = self.redis.key(format_args!("{FLUSH_PREFIX}{id}"));
            let fields: HashMap<String, i64> = self.redis.run(cmd("HGETALL").arg(&key)).await?;
            let batch = Batch { id, deltas: decode(&fields) };
            if !batch.deltas.is_empty() {
                flusher.apply(&batch).await?;
            }
            let mut done = pipe();
            done.cmd("DEL").arg(&key).ignore().cmd("SREM").arg(self.redis.key(FLUSHES)).arg(id).ignore();
            self.redis.run_all::<()>(&done).await?;
        }
        Ok(())
    }
}

/// The counts of a buffer, sorted by video id.
fn decode(fields: &HashMap<String, i64>) -> Vec<ViewDelta> {
    let mut sums: std::collections::BTreeMap<(VideoId, i64), Views> = std::collections::BTreeMap::new();
    for (field, count) in fields.iter().filter(|(field, _)| *field != ID_FIELD) {
        let mut parts = field.split(':');
        let (Some(Ok(video)), Some(Ok(hour)), Some(kind)) =
            (parts.next().map(str::parse), parts.next().map(str::parse), parts.next())
        else {
            tracing::warn!(field, "view count field ignored: unknown format");
            continue;
        };
        let sum = sums.entry((VideoId(video), hour)).or_default();
        let more = if kind == "m" { Views { member: *count, other: 0 } } else { Views { member: 0, other: *count } };
        *sum = *sum + more;
    }
    sums.into_iter().map(|((video, hour), views)| ViewDelta { video, hour, views }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_decode_by_video_and_hour() {
        let fields = [("id", 5), ("7:2:m", 1), ("7:2:n", 2), ("7:3:n", 4), ("3:2:m", 8), ("nonsense", 1)];
        let fields = fields.map(|(field, n)| (field.to_owned(), n)).into();
        let decoded = decode(&fields).into_iter().map(|a| (a.video.0, a.hour, a.views.member, a.views.other));
        assert_eq!(decoded.collect::<Vec<_>>(), [(3, 2, 8, 0), (7, 2, 1, 2), (7, 3, 0, 4)]);
    }
}
