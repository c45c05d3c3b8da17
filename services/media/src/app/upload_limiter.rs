//! Limits concurrent uploads, each of which buffers a few parts in memory: in total, per
//! user and per address. A place is not taken back from an upload that is under way, so
//! the shares hold also while nobody else asks for a place.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fenz_core::{Error, Reason, Result, UserId};

/// Sent to a client that exceeds a limit.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// No user has more than a quarter of the places, no address more than half.
const USER_SHARE: usize = 4;
const ADDRESS_SHARE: usize = 2;

/// Clones share the limits, which are those of this replica.
#[derive(Clone)]
pub struct UploadLimiter {
    total: usize,
    per_user: usize,
    per_address: usize,
    open: OpenUploads,
}

type OpenUploads = Arc<Mutex<Open>>;

#[derive(Default)]
struct Open {
    /// Places taken.
    total: usize,
    users: Counts<UserId>,
    /// By [`network_of`] the client.
    addresses: Counts<IpAddr>,
}

impl UploadLimiter {
    pub fn new(total: usize, per_user: usize) -> Self {
        let share = |part: usize| (total / part).max(1);
        let (per_user, per_address) = (per_user.min(share(USER_SHARE)), share(ADDRESS_SHARE));
        Self { total, per_user, per_address, open: OpenUploads::default() }
    }

    /// A place. Uploads whose client's address is unknown have no limit per address.
    ///
    /// # Errors
    /// `UNAVAILABLE` when all are taken, or the address has its share.
    pub fn acquire(&self, address: Option<IpAddr>) -> Result<Place> {
        let address = address.map(network_of);
        let mut open = lock(&self.open);
        if open.total >= self.total {
            return Err(limit_reached("too many uploads are under way; try again"));
        }
        if let Some(address) = address
            && !open.addresses.add(address, self.per_address)
        {
            return Err(limit_reached("too many uploads from your address are under way; try again"));
        }
        open.total += 1;
        Ok(Place { open: self.open.clone(), address })
    }

    /// Counts an upload as the user's, also before it has a place.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the user has reached their limit.
    pub fn acquire_for_user(&self, user: UserId) -> Result<UserPermit> {
        if !lock(&self.open).users.add(user, self.per_user) {
            return Err(limit_reached("too many of your uploads are under way; try again"));
        }
        Ok(UserPermit { open: self.open.clone(), user })
    }
}

fn limit_reached(message: &'static str) -> Error {
    Error::new(Reason::Unavailable, message).retry_after(RETRY_AFTER)
}

fn lock(open: &OpenUploads) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An IPv6 subscriber usually has a whole /64: it counts as one address.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Open uploads by key, without those that have none.
struct Counts<K>(HashMap<K, usize>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Counts<K> {
    /// Whether there was room for one more.
    fn add(&mut self, key: K, limit: usize) -> bool {
        let count = self.0.entry(key).or_default();
        let has_room = *count < limit;
        *count += usize::from(has_room);
        has_room
    }

    fn remove(&mut self, key: &K) {
        if let Some(count) = self.0.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(key);
            }
        }
    }
}

/// Released when dropped.
pub struct Place {
    open: OpenUploads,
    address: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        open.total -= 1;
        if let Some(address) = &self.address {
            open.addresses.remove(address);
        }
    }
}

/// Released when dropped.
pub struct UserPermit {
    open: OpenUploads,
    user: UserId,
}

impl Drop for UserPermit {
    fn drop(&mut self) {
        lock(&self.open).users.remove(&self.user);
    }
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
        let open = lock(&limiter.open);
        assert_eq!((open.total, open.users.0.len(), open.addresses.0.len()), (0, 0, 0));
    }

    #[test]
    fn nobody_takes_all_places() {
        let limiter = UploadLimiter::new(8, 8);
        let user: Vec<_> = std::iter::from_fn(|| limiter.acquire_for_user(UserId(1)).ok()).collect();
        assert_eq!(user.len(), 2, "a quarter");
        let network: Vec<_> = (0..8).map(|i| limiter.acquire(Some(address(&format!("2001:db8::{i}"))))).collect();
        assert_eq!(network.iter().filter(|place| place.is_ok()).count(), 4, "half, for a whole /64");
        let mapped = limiter.acquire(Some(address("::ffff:192.0.2.1"))).unwrap();
        assert_eq!(mapped.address, Some(address("192.0.2.1")));
        assert!(limiter.acquire(Some(address("2001:db8:0:1::"))).is_ok());
    }
}
