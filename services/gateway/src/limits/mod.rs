//! How often a caller may come: over all gateways where there is a Redis, and
//! over this one, in bounded memory, where there is none or it is away.

mod shared;

use std::{fmt::Display, hash::Hash, net::IpAddr, sync::Arc, time::Duration};

use fenz_chassis::{Caller, Error, Reason, Result, UserId, redis::Redis};
use moka::sync::Cache;
use tokio::time::Instant;

use crate::{
    config::RateLimitConfig,
    domain::gcra::{Bucket, Quota},
};
use shared::{Shared, Verdict};

/// Callers remembered per limit, about 200 bytes each. Of more, those that come
/// least are forgotten, and begin anew.
const REMEMBERED: u64 = 50_000;
/// A caller that stayed away this long has its whole minute's worth again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(61);

/// The limits per address and per user.
pub struct Limits {
    anonymous: Option<Limit<IpAddr>>,
    users: Option<Limit<UserId>>,
}

impl Limits {
    pub fn new(config: &RateLimitConfig, redis: Option<Redis>) -> Self {
        let shared = redis.map(|redis| Arc::new(Shared::new(redis)));
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
    shared: Option<Arc<Shared>>,
    began: Instant,
}

impl<K: Hash + Eq + Copy + Display + Send + Sync + 'static> Limit<K> {
    /// None when it is unlimited.
    fn new(kind: &'static str, per_minute: u32, shared: Option<Arc<Shared>>) -> Option<Self> {
        let quota = Quota::per_minute(per_minute)?;
        let callers = Cache::builder().max_capacity(REMEMBERED).time_to_idle(FORGOTTEN_AFTER).build();
        Some(Self { kind, quota, callers, shared, began: Instant::now() })
    }

    /// Counts a request, or says how long to wait.
    async fn take(&self, caller: K) -> Option<Duration> {
        let bucket = self.callers.get_with(caller, Arc::default);
        let Some(shared) = &self.shared else { return bucket.take(self.quota, self.now()) };
        // Whom this gateway alone would refuse, it need not ask about.
        if let Some(wait) = bucket.wait(self.quota, self.now()) {
            return Some(wait);
        }
        // Boxed, as what a fleet without Redis should not carry room for.
        let verdict = Box::pin(async { shared.take(&format!("limit:{}:{caller}", self.kind), self.quota).await }).await;
        let now = self.now();
        match verdict {
            None => bucket.take(self.quota, now),
            // What was counted anywhere is remembered here, for when Redis is away.
            Some(Verdict::Admitted(level)) => {
                bucket.raise(level, now);
                None
            }
            Some(Verdict::Refused(level)) => {
                bucket.raise(level, now);
                self.quota.wait(level)
            }
        }
    }

    /// Microseconds of this gateway's life.
    fn now(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }
}

/// A subscriber of IPv6 has a whole /64 to choose addresses from.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use fenz_chassis::{Role, User};

    use super::*;

    fn user(id: i64) -> Caller {
        Caller::User(User { id: UserId(id), role: Role::User, session: "s".into() })
    }

    fn limits(anonymous_per_minute: u32, user_per_minute: u32) -> Limits {
        Limits::new(&RateLimitConfig { anonymous_per_minute, user_per_minute }, None)
    }

    async fn admitted(limits: &Limits, caller: &Caller, from: &str, times: usize) -> usize {
        let from = from.parse().unwrap();
        let mut admitted = 0;
        for _ in 0..times {
            admitted += usize::from(limits.take(caller, from).await.is_ok());
        }
        admitted
    }

    #[tokio::test]
    async fn addresses_and_users_are_counted_apart() {
        let limits = limits(2, 3);
        assert_eq!(admitted(&limits, &Caller::Anonymous, "192.0.2.1", 10).await, 2);
        assert_eq!(admitted(&limits, &Caller::Anonymous, "192.0.2.2", 10).await, 2);
        assert_eq!(admitted(&limits, &user(1), "192.0.2.1", 10).await, 3);
        assert_eq!(admitted(&limits, &user(2), "192.0.2.1", 10).await, 3);
        let refusal = limits.take(&user(1), "192.0.2.1".parse().unwrap()).await.unwrap_err();
        assert_eq!(refusal.reason, Reason::RateLimited);
    }

    #[tokio::test]
    async fn a_place_comes_free_after_its_share_of_the_minute() {
        let limits = limits(600, 0);
        let here: IpAddr = "192.0.2.1".parse().unwrap();
        while limits.take(&Caller::Anonymous, here).await.is_ok() {}
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(limits.take(&Caller::Anonymous, here).await.is_ok());
    }

    #[tokio::test]
    async fn a_network_of_ipv6_is_one_caller_and_zero_is_unlimited() {
        let limits = limits(1, 0);
        assert_eq!(admitted(&limits, &Caller::Anonymous, "2001:db8::1", 1).await, 1);
        assert_eq!(admitted(&limits, &Caller::Anonymous, "2001:db8::2", 1).await, 0);
        assert_eq!(admitted(&limits, &user(1), "2001:db8::2", 5000).await, 5000);
    }
}
