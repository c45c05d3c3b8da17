//! Rate-limit buckets in Redis, shared by all gateways of a fleet.

use fenz_cache::{Redis, Script};

use crate::domain::gcra::Quota;

/// GCRA as in `domain::gcra`, on the clock of the Redis server, so that the
/// gateways' clocks may differ. Returns the bucket's level in microseconds,
/// negated when the request exceeds the limit.
const SCRIPT: &str = r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local interval, capacity = tonumber(ARGV[1]), tonumber(ARGV[2])
local empty_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local level = empty_at - now
if level + interval > capacity then
    return -level
end
level = level + interval
redis.call('SET', KEYS[1], string.format('%.0f', now + level), 'PX', math.ceil(level / 1000))
return level
";

/// The result of a request at its shared bucket.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// Counted; the level after it.
    Allowed(u64),
    /// Not counted; the current level.
    Limited(u64),
}

pub struct SharedBuckets {
    redis: Redis,
    script: Script,
}

impl SharedBuckets {
    pub fn new(redis: Redis) -> Self {
        Self { redis, script: Script::new(SCRIPT) }
    }

    /// Counts a request. `None` when Redis is unavailable.
    pub async fn take(&self, caller: &str, quota: Quota) -> Option<Decision> {
        let mut call = self.script.key(self.redis.key(caller));
        call.arg(quota.interval).arg(quota.capacity);
        match self.redis.run_script::<i64>(&call).await {
            Ok(level) if level > 0 => Some(Decision::Allowed(level.unsigned_abs())),
            Ok(level) => Some(Decision::Limited(level.unsigned_abs())),
            Err(error) => {
                tracing::debug!(%error, "redis is unavailable; limiting locally");
                None
            }
        }
    }
}
