//! Rate limits per caller: shared by all gateways through Redis, or kept by this
//! one, in bounded memory, without Redis or while it is unavailable.

mod shared;

use std::{fmt::Display, hash::Hash, net::IpAddr, sync::Arc, time::Duration};

use fenz_cache::Redis;
use fenz_chassis::request::network_of;
use fenz_core::{Caller, Error, Reason, Result, UserId};
use moka::sync::Cache;
use tokio::time::Instant;

use crate::{
    config::RateLimitConfig,
    domain::gcra::{Bucket, Quota},
};
use shared::{Decision, SharedBuckets};

/// Callers tracked per limit, about 200 bytes each. Beyond that the least
/// frequent are evicted, which resets their count.
const MAX_TRACKED_CALLERS: u64 = 50_000;
/// Longer than a minute: by then every bucket is empty.
const IDLE_EXPIRY: Duration = Duration::from_secs(61);

/// The limits per address and per user.
pub struct RateLimiter {
    anonymous: Option<Limit<IpAddr>>,
    users: Option<Limit<UserId>>,
}

impl RateLimiter {
    pub fn new(config: &RateLimitConfig, redis: Option<Redis>) -> Self {
        let shared = redis.map(|redis| Arc::new(SharedBuckets::new(redis)));
        Self {
            anonymous: Limit::new("address", config.anonymous_per_minute, shared.clone()),
            users: Limit::new("user", config.user_per_minute, shared),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// `RATE_LIMITED` with the time to wait.
    pub async fn take(&self, caller: &Caller, address: IpAddr) -> Result<()> {
        let wait = match (caller, &self.users, &self.anonymous) {
            (Caller::User(user), Some(users), _) => users.take(user.id).await,
            (Caller::Anonymous | Caller::Service(_), _, Some(anonymous)) => anonymous.take(network_of(address)).await,
            _ => None,
        };
        match wait {
            None => Ok(()),
            Some(wait) => Err(Error::new(Reason::RateLimited, "too many requests; slow down").retry_after(wait)),
        }
    }
}

struct Limit<K> {
    kind: &'static str,
    quota: Quota,
    callers: Cache<K, Arc<Bucket>>,
    shared: Option<Arc<SharedBuckets>>,
    started: Instant,
}

impl<K: Hash + Eq + Copy + Display + Send + Sync + 'static> Limit<K> {
    /// `None` when 0, which is unlimited.
    fn new(kind: &'static str, per_minute: u32, shared: Option<Arc<SharedBuckets>>) -> Option<Self> {
        let quota = Quota::per_minute(per_minute)?;
        let callers = Cache::builder().max_capacity(MAX_TRACKED_CALLERS).time_to_idle(IDLE_EXPIRY).build();
        Some(Self { kind, quota, callers, shared, started: Instant::now() })
    }

    /// Counts a request, or returns how long it has to wait.
    async fn take(&self, caller: K) -> Option<Duration> {
        let bucket = self.callers.get_with(caller, Arc::default);
        let Some(shared) = &self.shared else { return bucket.take(self.quota, self.now()) };
        // Exceeded on this gateway alone: no need to ask Redis.
        if let Some(wait) = bucket.wait(self.quota, self.now()) {
            return Some(wait);
        }
        // Boxed: the Redis call would enlarge the future of every request.
        let decision =
            Box::pin(async { shared.take(&format!("limit:{}:{caller}", self.kind), self.quota).await }).await;
        let now = self.now();
        match decision {
            None => bucket.take(self.quota, now),
            // Kept locally too, for when Redis becomes unavailable.
            Some(Decision::Allowed(level)) => {
                bucket.raise(level, now);
                None
            }
            Some(Decision::Limited(level)) => {
                bucket.raise(level, now);
                self.quota.wait(level)
            }
        }
    }

    /// Microseconds since the start of this gateway.
    fn now(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }
}

#[cfg(test)]
mod tests {
    use fenz_core::{Role, User};

    use super::*;

    fn user(id: i64) -> Caller {
        Caller::User(User { id: UserId(id), role: Role::User, session: "s".into(), token_expires: 0 })
    }

    fn limiter(anonymous_per_minute: u32, user_per_minute: u32) -> RateLimiter {
        RateLimiter::new(&RateLimitConfig { anonymous_per_minute, user_per_minute }, None)
    }

    async fn allowed(limiter: &RateLimiter, caller: &Caller, from: &str, times: usize) -> usize {
        let from = from.parse().unwrap();
        let mut allowed = 0;
        for _ in 0..times {
            allowed += usize::from(limiter.take(caller, from).await.is_ok());
        }
        allowed
    }

    #[tokio::test]
    async fn addresses_and_users_are_counted_apart() {
        let limiter = limiter(2, 3);
        assert_eq!(allowed(&limiter, &Caller::Anonymous, "192.0.2.1", 10).await, 2);
        assert_eq!(allowed(&limiter, &Caller::Anonymous, "192.0.2.2", 10).await, 2);
        assert_eq!(allowed(&limiter, &user(1), "192.0.2.1", 10).await, 3);
        assert_eq!(allowed(&limiter, &user(2), "192.0.2.1", 10).await, 3);
        let error = limiter.take(&user(1), "192.0.2.1".parse().unwrap()).await.unwrap_err();
        assert_eq!(error.reason, Reason::RateLimited);
    }

    #[tokio::test]
    async fn a_request_passes_again_after_one_interval() {
        let limiter = limiter(600, 0);
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        while limiter.take(&Caller::Anonymous, address).await.is_ok() {}
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(limiter.take(&Caller::Anonymous, address).await.is_ok());
    }

    #[tokio::test]
    async fn an_ipv6_network_is_one_caller_and_zero_is_unlimited() {
        let limiter = limiter(1, 0);
        assert_eq!(allowed(&limiter, &Caller::Anonymous, "2001:db8::1", 1).await, 1);
        assert_eq!(allowed(&limiter, &Caller::Anonymous, "2001:db8::2", 1).await, 0);
        assert_eq!(allowed(&limiter, &user(1), "2001:db8::2", 5000).await, 5000);
    }
}
