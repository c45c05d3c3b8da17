//! How often a caller may come (GCRA), in bounded memory.

use std::{hash::Hash, net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use fenz_chassis::{Caller, Error, Reason, Result, UserId};
use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use moka::sync::Cache;

use crate::config::RateLimitConfig;

/// Callers remembered per limit, about 300 bytes each. Of more, those that come
/// least are forgotten, and begin anew.
const REMEMBERED: u64 = 50_000;
/// A caller that stayed away this long has its whole minute's worth again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(61);

/// The limits per address and per user.
pub struct Limits {
    anonymous: Option<Limit<IpAddr>>,
    users: Option<Limit<UserId>>,
    clock: DefaultClock,
}

impl Limits {
    pub fn new(config: &RateLimitConfig) -> Self {
        Self {
            anonymous: Limit::new(config.anonymous_per_minute),
            users: Limit::new(config.user_per_minute),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// `RATE_LIMITED` with the time to wait.
    pub fn take(&self, caller: &Caller, address: IpAddr) -> Result<()> {
        let wait = match caller {
            Caller::User(user) => self.users.as_ref().and_then(|l| l.wait(user.id, &self.clock)),
            _ => self.anonymous.as_ref().and_then(|l| l.wait(network_of(address), &self.clock)),
        };
        match wait {
            None => Ok(()),
            Some(wait) => Err(Error::new(Reason::RateLimited, "too many requests; slow down").retry_after(wait)),
        }
    }
}

struct Limit<K> {
    quota: Quota,
    callers: Cache<K, Arc<DefaultDirectRateLimiter>>,
}

impl<K: Hash + Eq + Send + Sync + 'static> Limit<K> {
    /// None when it is unlimited.
    fn new(per_minute: u32) -> Option<Self> {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute)?);
        let callers = Cache::builder().max_capacity(REMEMBERED).time_to_idle(FORGOTTEN_AFTER).build();
        Some(Self { quota, callers })
    }

    /// Counts a request, or says how long to wait.
    fn wait(&self, caller: K, clock: &DefaultClock) -> Option<Duration> {
        let limiter = self.callers.get_with(caller, || Arc::new(RateLimiter::direct(self.quota)));
        Some(limiter.check().err()?.wait_time_from(clock.now()))
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

    #[test]
    fn addresses_and_users_are_counted_apart() {
        let limits = Limits::new(&RateLimitConfig { anonymous_per_minute: 2, user_per_minute: 3 });
        let here: IpAddr = "192.0.2.1".parse().unwrap();
        let take =
            |caller: &Caller, from: IpAddr, times| (0..times).filter(|_| limits.take(caller, from).is_ok()).count();
        assert_eq!(take(&Caller::Anonymous, here, 10), 2);
        assert_eq!(take(&Caller::Anonymous, "192.0.2.2".parse().unwrap(), 10), 2);
        assert_eq!(take(&user(1), here, 10), 3);
        assert_eq!(take(&user(2), here, 10), 3);
        assert_eq!(limits.take(&user(1), here).unwrap_err().reason, Reason::RateLimited);
    }

    #[test]
    fn a_place_comes_free_after_its_share_of_the_minute() {
        let limits = Limits::new(&RateLimitConfig { anonymous_per_minute: 600, user_per_minute: 0 });
        let here: IpAddr = "192.0.2.1".parse().unwrap();
        while limits.take(&Caller::Anonymous, here).is_ok() {}
        std::thread::sleep(Duration::from_millis(150));
        assert!(limits.take(&Caller::Anonymous, here).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_is_one_caller_and_zero_is_unlimited() {
        let limits = Limits::new(&RateLimitConfig { anonymous_per_minute: 1, user_per_minute: 0 });
        assert!(limits.take(&Caller::Anonymous, "2001:db8::1".parse().unwrap()).is_ok());
        assert!(limits.take(&Caller::Anonymous, "2001:db8::2".parse().unwrap()).is_err());
        assert!((0..5000).all(|_| limits.take(&user(1), "2001:db8::2".parse().unwrap()).is_ok()));
    }
}
