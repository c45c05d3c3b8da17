//! How long a name must wait after failed logins from one address.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{account, secret};

/// `FENZ_AUTH__THROTTLE__…`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Failures before the first wait.
    pub free_failures: u32,
    /// The first wait; each failure after it doubles the wait.
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
    /// The wait after so many failures in a row.
    pub fn wait(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(self.free_failures) else { return Duration::ZERO };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first_wait.checked_mul(factor).unwrap_or(Duration::MAX).min(self.longest_wait)
    }

    /// How long after the last failure the count is forgotten.
    pub fn memory(&self) -> Duration {
        self.longest_wait * 4
    }
}

/// What the failures are counted under: the name as typed, whether or not it
/// exists, and the client's address. A digest, because people type passwords
/// into the field for names.
pub fn key(name: &str, address: Option<IpAddr>) -> String {
    let mut digest = Sha256::new();
    digest.update(account::key(name));
    digest.update([0]);
    digest.update(address.map(network).unwrap_or_default());
    secret::hex(&digest.finalize())
}

/// What the failures under a name are found by, from wherever they came: a
/// digest too.
pub fn subject(name: &str) -> String {
    secret::digest(&account::key(name))
}

/// An IPv6 client has a whole /64 to come from.
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
    fn waits_begin_at_the_fifth_failure_double_and_end_at_the_longest() {
        let rules = Rules::default();
        let seconds = |failures| rules.wait(failures).as_secs();
        assert_eq!([0, 1, 4, 5, 6, 7, 14].map(seconds), [0, 0, 0, 1, 2, 4, 512]);
        assert_eq!([15, 16, 40, u32::MAX].map(seconds), [900, 900, 900, 900]);
    }

    #[test]
    fn keys_tell_names_and_networks_apart() {
        let at = |a: &str| Some(a.parse().unwrap());
        assert_eq!(key("Ann", at("10.0.0.1")), key("ann", at("::ffff:10.0.0.1")));
        assert_ne!(key("ann", at("10.0.0.1")), key("ann", at("10.0.0.2")));
        assert_ne!(key("ann", at("10.0.0.1")), key("ben", at("10.0.0.1")));
        assert_eq!(key("ann", at("2001:db8::1")), key("ann", at("2001:db8::2")));
        assert_ne!(key("ann", at("2001:db8::1")), key("ann", at("2001:db8:0:1::1")));
    }
}
