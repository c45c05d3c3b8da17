//! Delays after failed password verifications.
//!
//! Two budgets of failures: one of a client's network, and a tenfold one of all
//! networks, to which each adds no more than its free failures. So one client cannot
//! block an account for everybody else.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use fenz_core::{UserId, backoff};
use serde::{Deserialize, Serialize};

use super::{
    account,
    secret::{self, DigestKey},
};

/// `FENZ_AUTH__THROTTLE__…`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Failures from one network before the first delay.
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

/// The owner of an account waits as long as those who guess from many networks.
const LONGEST_WAIT_EVERYWHERE: Duration = Duration::from_secs(60);

/// Where the failures of a budget come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Network,
    Everywhere,
}

impl Scope {
    /// The narrow one first: all transactions lock the counts in this order.
    pub const ALL: [Self; 2] = [Self::Network, Self::Everywhere];
}

impl Rules {
    /// Failures before the first delay.
    pub fn free_failures(&self, scope: Scope) -> u32 {
        match scope {
            Scope::Network => self.free_failures,
            Scope::Everywhere => self.free_failures.saturating_mul(10),
        }
    }

    /// The delay after this many consecutive failures.
    pub fn wait(&self, scope: Scope, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(self.free_failures(scope)) else { return Duration::ZERO };
        let longest_wait = match scope {
            Scope::Network => self.longest_wait,
            Scope::Everywhere => self.longest_wait.min(LONGEST_WAIT_EVERYWHERE),
        };
        backoff::delay(doublings.saturating_add(1), self.first_wait.min(longest_wait), longest_wait)
    }

    /// How long the count is kept after the last failure.
    pub fn retention(&self) -> Duration {
        self.longest_wait * 4
    }
}

/// Whose password is verified.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// Of a login whose name or address is this account's.
    Account(UserId),
    /// Of a signed-in user. Counted separately, so that failures do not block logins.
    Reauthentication(UserId),
    /// Of a login with the name or address of no account.
    Typed(&'a str),
}

impl Subject<'_> {
    /// A digest, because people type passwords into the name field.
    pub fn digest(self, key: &DigestKey) -> String {
        // The prefixes keep what is typed apart from accounts.
        key.digest(&match self {
            Self::Account(user) => format!("account\0{user}"),
            Self::Reauthentication(user) => format!("reauthentication\0{user}"),
            Self::Typed(name) => format!("typed\0{}", account::key(name)),
        })
    }
}

/// The key under which failures are counted.
pub fn key(subject_digest: &str, scope: Scope, address: Option<IpAddr>) -> String {
    match scope {
        Scope::Network => secret::digest(&format!("{subject_digest}\0{}", address.map(network).unwrap_or_default())),
        Scope::Everywhere => subject_digest.to_owned(),
    }
}

/// The address, or its /64 prefix for IPv6, within which a client can choose its
/// address.
pub fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_start_at_the_fifth_failure_and_double_up_to_the_longest() {
        let rules = Rules::default();
        let seconds = |failures| rules.wait(Scope::Network, failures).as_secs();
        assert_eq!([0, 1, 4, 5, 6, 7, 14].map(seconds), [0, 0, 0, 1, 2, 4, 512]);
        assert_eq!([15, 16, 40, u32::MAX].map(seconds), [900, 900, 900, 900]);
        let everywhere = |failures| rules.wait(Scope::Everywhere, failures).as_secs();
        assert_eq!([5, 49, 50, 51, 60].map(everywhere), [0, 0, 1, 2, 60]);
        let many = Rules { free_failures: u32::MAX, ..Rules::default() };
        assert_eq!(many.wait(Scope::Everywhere, u32::MAX - 1), Duration::ZERO);
    }

    #[test]
    fn subjects_are_accounts_or_what_was_typed() {
        let digest_key = DigestKey::new(&"k".repeat(32)).unwrap();
        let digest = |subject: Subject| subject.digest(&digest_key);
        let typed = |name| digest(Subject::Typed(name));
        assert_eq!(typed("Nobody"), typed("nobody"));
        assert_ne!(typed("nobody"), typed("nobody "));
        let account = digest(Subject::Account(UserId(7)));
        assert_ne!(account, digest(Subject::Reauthentication(UserId(7))));
        assert_ne!(account, digest(Subject::Account(UserId(8))));
        for name in ["7", "account7", "account\u{fffd}7"] {
            assert_ne!(typed(name), account);
        }
    }

    #[test]
    fn keys_differ_by_subject_and_network() {
        let key = |subject, address: &str| key(subject, Scope::Network, Some(address.parse().unwrap()));
        assert_eq!(key("a", "10.0.0.1"), key("a", "::ffff:10.0.0.1"));
        assert_ne!(key("a", "10.0.0.1"), key("a", "10.0.0.2"));
        assert_ne!(key("a", "10.0.0.1"), key("b", "10.0.0.1"));
        assert_eq!(key("a", "2001:db8::1"), key("a", "2001:db8::2"));
        assert_ne!(key("a", "2001:db8::1"), key("a", "2001:db8:0:1::1"));
        assert_eq!(network("2001:db8:0:1:2:3:4:5".parse().unwrap()), "2001:db8:0:1::/64");
        let everywhere = |address: &str| super::key("a", Scope::Everywhere, Some(address.parse().unwrap()));
        assert_eq!(everywhere("10.0.0.1"), everywhere("10.0.0.2"));
    }
}
