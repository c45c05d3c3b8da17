//! Views in Redis, where every replica counts them.
//!
//! `views:buffer` is a hash of counts, with the id of its flush in it from the
//! first count on. A flush renames it to `views:flush:{id}` and notes the id in
//! `views:flushes`, applies it, and removes it; what a crash leaves is in
//! `views:flushes` and is applied by whoever flushes next. A buffer that is full
//! is put there by whoever counts, so that no flush is more than Redis and the
//! database do at once. The id travels with the counts, so that a Redis that comes
//! back with an old state cannot make them count twice.

use std::{collections::HashMap, sync::LazyLock};

use anyhow::Result;
use fenz_chassis::{
    IdMaker,
    redis::{self, Away, Redis, Script},
};

use super::{
    flush::{Added, Batch, Flusher},
    seen::View,
};
use crate::domain::{VideoId, Views};

const BUFFER: &str = "views:buffer";
const FLUSHES: &str = "views:flushes";
const FLUSH: &str = "views:flush:";
/// The field of the buffer that has its flush's id.
const ID: &str = "id";
/// Fields of a full buffer: videos in an hour, members and others apart.
const FULL: usize = 1000;
/// How long a viewer is remembered; their key has the hour in it.
const SEEN_SECONDS: i64 = 3600;

/// Counts a viewer who is not known in this hour.
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

/// Puts the buffer aside, and says what is to be applied.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local id = redis.call('HGET', KEYS[1], 'id')
        if id then
            redis.call('RENAME', KEYS[1], KEYS[3] .. id)
            redis.call('SADD', KEYS[2], id)
        end
        return redis.call('SMEMBERS', KEYS[2])",
    )
});

/// The views that all replicas count together.
pub struct SharedViews {
    redis: Redis,
    ids: IdMaker,
}

/// Whether a command that failed may have had its effect.
pub fn may_have_arrived(away: &Away) -> bool {
    match away {
        Away::Resting => false,
        Away::Failed(error) => (error.is_timeout() || error.is_connection_dropped()) && !error.is_connection_refusal(),
    }
}

impl SharedViews {
    pub fn new(redis: Redis, ids: IdMaker) -> Self {
        Self { redis, ids }
    }

    /// Counts a view, unless it was counted.
    pub async fn count(&self, view: &View, is_member: bool) -> Result<(), Away> {
        let viewer = view.viewer.iter().fold(String::with_capacity(32), |text, byte| format!("{text}{byte:02x}"));
        let seen = self.redis.key(format_args!("views:seen:{}:{}:{viewer}", view.video.0, view.hour));
        let field = format!("{}:{}:{}", view.video.0, view.hour, if is_member { 'm' } else { 'n' });
        let mut call = COUNT.prepare_invoke();
        call.key(seen).key(self.redis.key(BUFFER)).key(self.redis.key(FLUSHES)).key(self.redis.key(FLUSH));
        call.arg(SEEN_SECONDS).arg(self.ids.next()).arg(field).arg(FULL);
        self.redis.run_script::<i64>(&call).await?;
        Ok(())
    }

    /// Adds what was counted, and what others left, to the totals.
    pub async fn flush(&self, flusher: &Flusher) -> Result<()> {
        let mut call = TAKE.prepare_invoke();
        call.key(self.redis.key(BUFFER)).key(self.redis.key(FLUSHES)).key(self.redis.key(FLUSH));
        let mut ids: Vec<i64> = self.redis.run_script(&call).await?;
        ids.sort_unstable();
        for id in ids {
            let key = self.redis.key(format_args!("{FLUSH}{id}"));
            let fields: HashMap<String, i64> = self.redis.run(redis::cmd("HGETALL").arg(&key)).await?;
            let batch = Batch { id, added: decode(&fields) };
            if !batch.added.is_empty() {
                flusher.apply(&batch).await?;
            }
            let mut done = redis::pipe();
            done.cmd("DEL").arg(&key).ignore().cmd("SREM").arg(self.redis.key(FLUSHES)).arg(id).ignore();
            self.redis.run_all::<()>(&done).await?;
        }
        Ok(())
    }
}

/// The counts of a buffer, in the order of the videos' ids.
fn decode(fields: &HashMap<String, i64>) -> Vec<Added> {
    let mut sums: std::collections::BTreeMap<(VideoId, i64), Views> = std::collections::BTreeMap::new();
    for (field, count) in fields.iter().filter(|(field, _)| *field != ID) {
        let mut parts = field.split(':');
        let (Some(Ok(video)), Some(Ok(hour)), Some(kind)) =
            (parts.next().map(str::parse), parts.next().map(str::parse), parts.next())
        else {
            tracing::warn!(field, "a count of views that nobody can read");
            continue;
        };
        let sum = sums.entry((VideoId(video), hour)).or_default();
        let more = if kind == "m" { Views { member: *count, other: 0 } } else { Views { member: 0, other: *count } };
        *sum = *sum + more;
    }
    sums.into_iter().map(|((video, hour), views)| Added { video, hour, views }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_back_by_video_and_hour() {
        let fields = [("id", 5), ("7:2:m", 1), ("7:2:n", 2), ("7:3:n", 4), ("3:2:m", 8), ("nonsense", 1)];
        let fields = fields.map(|(field, n)| (field.to_owned(), n)).into();
        let decoded = decode(&fields).into_iter().map(|a| (a.video.0, a.hour, a.views.member, a.views.other));
        assert_eq!(decoded.collect::<Vec<_>>(), [(3, 2, 8, 0), (7, 2, 1, 2), (7, 3, 0, 4)]);
    }
}
