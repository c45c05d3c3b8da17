//! How many connections one address may have open at once.

use std::{net::IpAddr, sync::Arc};

use crate::{
    keyed_counter::{KeyedCounter, Place},
    request::network_of,
};

/// Open connections by address. Clones count together; the default is unlimited.
#[derive(Clone)]
pub struct AddressLimit {
    most: usize,
    is_exempt: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    open: KeyedCounter<IpAddr>,
}

impl Default for AddressLimit {
    fn default() -> Self {
        Self::new(0, |_| false)
    }
}

impl AddressLimit {
    /// At most so many of one address, except of those that stand for many clients, as
    /// proxies do; 0 is unlimited.
    pub fn new(most: usize, is_exempt: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        let most = if most == 0 { usize::MAX } else { most };
        Self { most, is_exempt: Arc::new(is_exempt), open: KeyedCounter::default() }
    }

    /// A place of an address, taken until it is dropped; none when all are taken.
    pub fn enter(&self, address: IpAddr) -> Option<Place<IpAddr>> {
        let most = if (self.is_exempt)(address) { usize::MAX } else { self.most };
        self.open.enter(network_of(address), most)
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
        drop(proxied);
        assert!(limit.open.is_empty());
        assert!((0..10).all(|_| AddressLimit::new(0, |_| false).enter(proxy).is_some()));
    }
}
