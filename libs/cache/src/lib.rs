//! Redis as a cache: it may be missing, and unavailable at any time.

use std::{
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
pub use redis::{Cmd, Pipeline, Script, ScriptInvocation, cmd, pipe};
use redis::{
    FromRedisValue, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use serde::{Deserialize, Serialize};

use fenz_chassis::{Platform, Requirement, Secret};

/// How long the circuit is open after a failure: a Redis that does not answer
/// must not cost every request its timeout.
const OPEN_TIME: Duration = Duration::from_millis(500);

/// `FENZ_REDIS__…`: a cache that services share; they work without it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisSettings {
    /// `redis://user:password@host:6379/0`; without one there is no Redis.
    pub url: Secret,
    /// Goes before every key, so that several fleets can share a server.
    pub prefix: String,
    /// How long an answer may take, and a connection.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self { url: Secret::default(), prefix: String::new(), timeout: Duration::from_millis(200) }
    }
}

/// Redis did not answer, or refused. The caller continues without it.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error("redis failed a moment ago")]
    CircuitOpen,
    #[error("redis: {0}")]
    Failed(#[from] RedisError),
}

/// A connection that is established again by itself. Clones share it.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    connection: ConnectionManager,
    prefix: String,
    service: &'static str,
    begin: Instant,
    /// Milliseconds since `begin` until which the circuit is open; 0 while it is closed.
    open_until: AtomicU64,
}

impl Redis {
    /// None where no address is set. Returns at once: Redis may be unavailable.
    ///
    /// # Errors
    /// When the address is not valid.
    pub fn new(settings: &RedisSettings, service: &'static str) -> Result<Option<Self>> {
        if settings.url.is_empty() {
            return Ok(None);
        }
        let client = redis::Client::open(settings.url.expose())
            .map_err(|_| anyhow::anyhow!("no address of Redis"))
            .context("FENZ_REDIS__URL should be redis://host:6379")?;
        // One try per call: the next call is the next try.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(settings.timeout))
            .set_response_timeout(Some(settings.timeout));
        let prefix = match settings.prefix.as_str() {
            "" => format!("{service}:"),
            prefix => format!("{prefix}:{service}:"),
        };
        Ok(Some(Self(Arc::new(Inner {
            connection: ConnectionManager::new_lazy_with_config(client, config)?,
            prefix,
            service,
            begin: Instant::now(),
            open_until: AtomicU64::new(0),
        }))))
    }

    /// A key of this service's.
    pub fn key(&self, name: impl Display) -> String {
        format!("{}{name}", self.0.prefix)
    }

    /// # Errors
    /// When Redis is unavailable or refuses the command.
    pub async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unavailable> {
        let mut connection = self.connection()?;
        self.watch(command.query_async(&mut connection).await)
    }

    /// Several commands in one round trip.
    ///
    /// # Errors
    /// When Redis is unavailable or refuses one of them.
    pub async fn run_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Unavailable> {
        let mut connection = self.connection()?;
        self.watch(commands.query_async(&mut connection).await)
    }

    /// A script, which Redis runs as a whole or not at all.
    ///
    /// # Errors
    /// When Redis is unavailable or the script fails.
    pub async fn run_script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Unavailable> {
        let mut connection = self.connection()?;
        self.watch(script.invoke_async(&mut connection).await)
    }

    fn connection(&self) -> Result<ConnectionManager, Unavailable> {
        let until = self.0.open_until.load(Ordering::Relaxed);
        if until != 0 {
            let now = self.now();
            // One caller probes; the others continue without Redis until it has succeeded.
            let is_probe = now >= until && {
                let next = now + OPEN_TIME.as_millis() as u64;
                self.0.open_until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            };
            if !is_probe {
                return Err(Unavailable::CircuitOpen);
            }
        }
        Ok(self.0.connection.clone())
    }

    fn watch<T>(&self, outcome: Result<T, RedisError>) -> Result<T, Unavailable> {
        let unavailable =
            |error: &RedisError| error.is_io_error() || error.is_timeout() || error.is_connection_dropped();
        match &outcome {
            Err(error) if unavailable(error) => {
                let until = self.now() + OPEN_TIME.as_millis() as u64;
                if self.0.open_until.swap(until, Ordering::Relaxed) == 0 {
                    metrics::counter!("fenz_redis_failures_total", "service" => self.0.service).increment(1);
                    tracing::warn!(service = self.0.service, %error, "redis unavailable, continuing without it");
                }
            }
            _ if self.0.open_until.load(Ordering::Relaxed) != 0 => {
                self.0.open_until.store(0, Ordering::Relaxed);
                tracing::info!(service = self.0.service, "redis available again");
            }
            _ => {}
        }
        outcome.map_err(Unavailable::Failed)
    }

    fn now(&self) -> u64 {
        self.0.begin.elapsed().as_millis() as u64
    }
}

/// The cache of a service, where one is set.
pub struct Cache(pub Option<Redis>);

impl Requirement for Cache {
    type Settings = RedisSettings;
    const SECTION: &'static str = "redis";

    async fn connect(settings: RedisSettings, platform: &Platform) -> Result<Self> {
        Ok(Self(Redis::new(&settings, platform.service)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unavailable_redis_costs_little() {
        let settings = RedisSettings { url: Secret::from("redis://127.0.0.1:1"), ..RedisSettings::default() };
        let redis = Redis::new(&settings, "test").unwrap().unwrap();
        assert!(matches!(redis.run::<String>(&cmd("PING")).await, Err(Unavailable::Failed(_))));
        assert!(matches!(redis.run::<String>(&cmd("PING")).await, Err(Unavailable::CircuitOpen)));
        assert_eq!(redis.key("tag:7"), "test:tag:7");
    }

    #[test]
    fn no_address_is_no_cache_and_a_bad_one_is_refused() {
        assert!(Redis::new(&RedisSettings::default(), "test").unwrap().is_none());
        let settings = RedisSettings { url: Secret::from("http://redis"), ..RedisSettings::default() };
        assert!(Redis::new(&settings, "test").is_err());
    }
}
