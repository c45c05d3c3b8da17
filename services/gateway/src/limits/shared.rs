//! The buckets that all gateways of a fleet share, in Redis.

use fenz_chassis::redis::{Redis, Script};

use crate::domain::gcra::Quota;

/// GCRA as in `domain::gcra`, on the server's clock: gateways need not agree
/// on the time. Answers how full the bucket is, in microseconds; below zero
/// when it has no room for the request.
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

/// What the shared bucket says to a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Counted; the bucket is now this full.
    Admitted(u64),
    /// Not counted: the bucket is this full.
    Refused(u64),
}

pub struct Shared {
    redis: Redis,
    script: Script,
}

impl Shared {
    pub fn new(redis: Redis) -> Self {
        Self { redis, script: Script::new(SCRIPT) }
    }

    /// Counts a request. None when Redis is away.
    pub async fn take(&self, caller: &str, quota: Quota) -> Option<Verdict> {
        let mut call = self.script.key(self.redis.key(caller));
        call.arg(quota.interval).arg(quota.capacity);
        match self.redis.run_script::<i64>(&call).await {
            Ok(level) if level > 0 => Some(Verdict::Admitted(level.unsigned_abs())),
            Ok(level) => Some(Verdict::Refused(level.unsigned_abs())),
            Err(error) => {
                tracing::debug!(%error, "limits are kept here for now");
                None
            }
        }
    }
}
