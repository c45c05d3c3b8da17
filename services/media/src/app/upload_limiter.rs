//! Limits concurrent uploads, each of which buffers a few parts in memory: in total, per
//! user and per address. A place is not taken back from an upload that is under way, so
//! the shares hold also while nobody else asks for a place.

use std::{net::IpAddr, sync::Arc, time::Duration};

use fenz_chassis::{
    keyed_counter::{self, KeyedCounter},
    request::network_of,
};
use fenz_core::{Error, Reason, Result, UserId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Sent to a client that exceeds a limit.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// No user has more than a quarter of the places, no address more than half.
const USER_SHARE: usize = 4;
const ADDRESS_SHARE: usize = 2;

/// Clones share the limits, which are those of this replica.
#[derive(Clone)]
pub struct UploadLimiter {
    places: Arc<Semaphore>,
    per_user: usize,
    per_address: usize,
    users: KeyedCounter<UserId>,
    addresses: KeyedCounter<IpAddr>,
}

/// Among all, and among those of the client's network if it is known.
pub type Place = (OwnedSemaphorePermit, Option<keyed_counter::Place<IpAddr>>);

impl UploadLimiter {
    pub fn new(total: usize, per_user: usize) -> Self {
        let share = |part: usize| (total / part).max(1);
        Self {
            places: Arc::new(Semaphore::new(total)),
            per_user: per_user.min(share(USER_SHARE)),
            per_address: share(ADDRESS_SHARE),
            users: KeyedCounter::default(),
            addresses: KeyedCounter::default(),
        }
    }

    /// A place. Uploads whose client's address is unknown have no limit per address.
    ///
    /// # Errors
    /// `UNAVAILABLE` when all are taken, or the address has its share.
    pub fn acquire(&self, address: Option<IpAddr>) -> Result<Place> {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| limit_reached("too many uploads are under way; try again"))?;
        let enter = |address| {
            let place = self.addresses.enter(network_of(address), self.per_address);
            place.ok_or_else(|| limit_reached("too many uploads from your address are under way; try again"))
        };
        Ok((place, address.map(enter).transpose()?))
    }

    /// Counts an upload as the user's, also before it has a place.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the user has reached their limit.
    pub fn acquire_for_user(&self, user: UserId) -> Result<keyed_counter::Place<UserId>> {
        let place = self.users.enter(user, self.per_user);
        place.ok_or_else(|| limit_reached("too many of your uploads are under way; try again"))
    }
}

fn limit_reached(message: &'static str) -> Error {
    Error::new(Reason::Unavailable, message).retry_after(RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_limited_and_released() {
        let limiter = UploadLimiter::new(2, 1);
        let both = (limiter.acquire(None).unwrap(), limiter.acquire(None).unwrap());
        assert_eq!(limiter.acquire(None).err().unwrap().reason, Reason::Unavailable);
        drop(both);
        let first = limiter.acquire_for_user(UserId(1)).unwrap();
        assert!(limiter.acquire_for_user(UserId(1)).is_err());
        let other = limiter.acquire_for_user(UserId(2)).unwrap();
        drop((first, other));
        drop((limiter.acquire_for_user(UserId(1)).unwrap(), limiter.acquire(Some(address("192.0.2.1"))).unwrap()));
        assert!(limiter.users.is_empty() && limiter.addresses.is_empty());
        assert_eq!(limiter.places.available_permits(), 2);
    }

    #[test]
    fn nobody_takes_all_places() {
        let limiter = UploadLimiter::new(8, 8);
        let user: Vec<_> = std::iter::from_fn(|| limiter.acquire_for_user(UserId(1)).ok()).collect();
        assert_eq!(user.len(), 2, "a quarter");
        let network: Vec<_> = (0..8).map(|i| limiter.acquire(Some(address(&format!("2001:db8::{i}"))))).collect();
        assert_eq!(network.iter().filter(|place| place.is_ok()).count(), 4, "half, for a whole /64");
        let _mapped = limiter.acquire(Some(address("::ffff:192.0.2.1"))).unwrap();
        assert!(limiter.acquire(Some(address("2001:db8:0:1::"))).is_ok());
    }
}
