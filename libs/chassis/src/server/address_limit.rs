//! How many connections one address may have open at once.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Open connections by address. Clones count together; the default counts nothing.
#[derive(Clone, Default)]
pub struct AddressLimit(Option<Arc<Inner>>);

struct Inner {
    most: usize,
    is_exempt: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl AddressLimit {
    /// At most so many of one address, except of those that stand for many clients, as
    /// proxies do; 0 is unlimited.
    pub fn new(most: usize, is_exempt: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        let inner = Inner { most, is_exempt: Box::new(is_exempt), open: Mutex::default() };
        Self((most > 0).then(|| Arc::new(inner)))
    }

    /// A place of an address, taken until it is dropped; none when all are taken.
    pub fn enter(&self, address: IpAddr) -> Option<Place> {
        let address = client(address);
        let Some(inner) = self.0.as_ref().filter(|inner| !(inner.is_exempt)(address)) else {
            return Some(Place(None));
        };
        let mut open = inner.open();
        let taken = open.entry(address).or_default();
        if *taken >= inner.most {
            return None;
        }
        *taken += 1;
        Some(Place(Some((inner.clone(), address))))
    }
}

impl Inner {
    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the connections of an address.
pub struct Place(Option<(Arc<Inner>, IpAddr)>);

impl Drop for Place {
    fn drop(&mut self) {
        let Some((inner, address)) = &self.0 else { return };
        let mut open = inner.open();
        if let Some(taken) = open.get_mut(address) {
            *taken -= 1;
            if *taken == 0 {
                open.remove(address);
            }
        }
    }
}

/// An IPv6 client can choose its address within a /64 network: it counts as one.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_client_and_given_back() {
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        let limit = AddressLimit::new(2, move |address| address == proxy);
        let enter = |address: &str| limit.enter(address.parse().unwrap());
        let (first, second) = (enter("192.0.2.1"), enter("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some() && enter("192.0.2.1").is_none());
        assert!(enter("192.0.2.2").is_some());
        let network = [enter("2001:db8::1"), enter("2001:db8::2")];
        assert!(enter("2001:db8::3").is_none() && enter("2001:db8:0:1::1").is_some());
        let proxied: Vec<_> = (0..10).map(|_| limit.enter(proxy)).collect();
        assert!(proxied.iter().all(Option::is_some));
        drop((first, network));
        assert!(enter("192.0.2.1").is_some() && enter("2001:db8::3").is_some());
        drop(second);
        assert!(limit.0.as_ref().unwrap().open().is_empty());
        assert!((0..10).all(|_| AddressLimit::new(0, |_| false).enter(proxy).is_some()));
    }
}
