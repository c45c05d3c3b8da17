//! Redis as a cache: it may be missing, and unavailable at any time.

use std::{
    fmt::Display,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
pub use deadpool_redis::redis::{Cmd, Pipeline, Script, ScriptInvocation, cmd, pipe};
use deadpool_redis::{
    Manager, Pool, PoolError, Runtime, Timeouts,
    redis::{AsyncConnectionConfig, FromRedisValue, RedisError, aio::MultiplexedConnection},
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
    /// Of one connection: that it pipelines the commands of all tasks is faster than
    /// several connections are.
    pool: Pool,
    /// The pool's, while it works: a checkout per command would cost a PING.
    connection: Mutex<Option<MultiplexedConnection>>,
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
        let timeout = Some(settings.timeout);
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(timeout);
        let manager = Manager::new_with_config(settings.url.expose(), config)
            .map_err(|_| anyhow::anyhow!("no address of Redis"))
            .context("FENZ_REDIS__URL should be redis://host:6379")?;
        let timeouts = Timeouts { wait: timeout, create: timeout, recycle: timeout };
        let pool = Pool::builder(manager).max_size(1).timeouts(timeouts).runtime(Runtime::Tokio1).build()?;
        let prefix = match settings.prefix.as_str() {
            "" => format!("{service}:"),
            prefix => format!("{prefix}:{service}:"),
        };
        Ok(Some(Self(Arc::new(Inner {
            pool,
            connection: Mutex::default(),
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
        let mut connection = self.connection().await?;
        self.watch(command.query_async(&mut connection).await)
    }

    /// Several commands in one round trip.
    ///
    /// # Errors
    /// When Redis is unavailable or refuses one of them.
    pub async fn run_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Unavailable> {
        let mut connection = self.connection().await?;
        self.watch(commands.query_async(&mut connection).await)
    }

    /// A script, which Redis runs as a whole or not at all.
    ///
    /// # Errors
    /// When Redis is unavailable or the script fails.
    pub async fn run_script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Unavailable> {
        let mut connection = self.connection().await?;
        self.watch(script.invoke_async(&mut connection).await)
    }

    async fn connection(&self) -> Result<MultiplexedConnection, Unavailable> {
        self.check_circuit()?;
        let current = self.current().clone();
        if let Some(connection) = current {
            return Ok(connection);
        }
        // Boxed: it is large, and rarely used.
        let connection = match Box::pin(self.0.pool.get()).await {
            Ok(pooled) => MultiplexedConnection::clone(&pooled),
            Err(PoolError::Backend(error)) => return self.watch(Err(error)),
            // Not a timeout of a command: none was sent.
            Err(error) => return self.watch(Err(io::Error::new(io::ErrorKind::HostUnreachable, error).into())),
        };
        *self.current() = Some(connection.clone());
        Ok(connection)
    }

    fn current(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        self.0.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_circuit(&self) -> Result<(), Unavailable> {
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
        Ok(())
    }

    fn watch<T>(&self, outcome: Result<T, RedisError>) -> Result<T, Unavailable> {
        let unavailable =
            |error: &RedisError| error.is_io_error() || error.is_timeout() || error.is_connection_dropped();
        if outcome.as_ref().is_err_and(|error| unavailable(error) || error.is_unrecoverable_error()) {
            // The next try is with a new connection.
            *self.current() = None;
            self.0.pool.retain(|_, _| false);
        }
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
