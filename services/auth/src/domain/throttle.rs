//! Delays after failed logins, by name and address.

use std::{net::IpAddr, time::Duration};

use fenz_core::backoff;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{account, secret};

/// `FENZ_AUTH__THROTTLE__…`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Failures before the first delay.
    pub free_failures: u32,
    /// The first delay; each further failure doubles it.
    #[serde(with = "humantime_serde")]
    pub first_wait: Duration,
    #[serde(with = "humantime_serde")]
    pub longest_wait: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self { free_failures: 5, first_wait: Duration::from_secs(1), longest_wait: Duration::from_secs(15 * 60) }
    }
}

impl Rules {
    /// The delay after this many consecutive failures.
    pub fn wait(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(self.free_failures) else { return Duration::ZERO };
        backoff::delay(doublings.saturating_add(1), self.first_wait, self.longest_wait)
    }

    /// How long the count is kept after the last failure.
    pub fn retention(&self) -> Duration {
        self.longest_wait * 4
    }
}

/// The key of the failures of a name, whether or not it exists, and a client
/// address. A digest, because people type passwords into the name field.
pub fn key(name: &str, address: Option<IpAddr>) -> String {
    let mut digest = Sha256::new();
    digest.update(account::key(name));
    digest.update([0]);
    digest.update(address.map(network).unwrap_or_default());
    secret::hex(&digest.finalize())
}

/// The key of the failures of a name from all addresses; also a digest.
pub fn subject(name: &str) -> String {
    secret::digest(&account::key(name))
}

/// The address, or its /64 prefix for IPv6, within which a client can choose its
/// address.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => format!("{:?}", &address.segments()[..4]),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_start_at_the_fifth_failure_and_double_up_to_the_longest() {
        let rules = Rules::default();
        let seconds = |failures| rules.wait(failures).as_secs();
        assert_eq!([0, 1, 4, 5, 6, 7, 14].map(seconds), [0, 0, 0, 1, 2, 4, 512]);
        assert_eq!([15, 16, 40, u32::MAX].map(seconds), [900, 900, 900, 900]);
    }

    #[test]
    fn keys_differ_by_name_and_network() {
        let at = |a: &str| Some(a.parse().unwrap());
        assert_eq!(key("Ann", at("10.0.0.1")), key("ann", at("::ffff:10.0.0.1")));
        assert_ne!(key("ann", at("10.0.0.1")), key("ann", at("10.0.0.2")));
        assert_ne!(key("ann", at("10.0.0.1")), key("ben", at("10.0.0.1")));
        assert_eq!(key("ann", at("2001:db8::1")), key("ann", at("2001:db8::2")));
        assert_ne!(key("ann", at("2001:db8::1")), key("ann", at("2001:db8:0:1::1")));
    }
}
