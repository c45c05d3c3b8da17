//! The keys of a fleet in a shared Redis.

use std::time::Duration;

use anyhow::Result;
use fenz_cache::{Redis, RedisSettings, cmd};

const SCAN_COUNT: usize = 10_000;

/// Removes all keys that begin with a prefix.
pub async fn remove(url: &str, prefix: &str) -> Result<()> {
    let settings = RedisSettings { url: url.into(), timeout: Duration::from_secs(5), ..RedisSettings::default() };
    let Some(redis) = Redis::new(&settings, "bench")? else { return Ok(()) };
    let mut cursor = 0;
    loop {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(format!("{prefix}:*")).arg("COUNT").arg(SCAN_COUNT);
        let (next, keys): (u64, Vec<String>) = redis.run(&scan).await?;
        if !keys.is_empty() {
            redis.run::<u64>(cmd("UNLINK").arg(keys)).await?;
        }
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}
