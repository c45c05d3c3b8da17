//! Deduplication of views per viewer, video and hour.

use std::{net::IpAddr, time::Duration};

use fenz_core::UserId;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use crate::domain::VideoId;

const HOUR: i64 = 3600;
/// About 100 bytes each; the least recent are evicted.
const CAPACITY: u64 = 200_000;

/// The identity of a viewer: a user, else a session, else an address and user agent.
#[derive(Clone, Copy, Debug)]
pub enum Visitor<'a> {
    User(UserId),
    Session(&'a str),
    Client(Option<IpAddr>, Option<&'a str>),
}

impl Visitor<'_> {
    /// The same on every replica, and does not reveal the viewer.
    fn digest(self) -> [u8; 16] {
        let name = match self {
            Self::User(id) => format!("u{id}"),
            Self::Session(id) => format!("s{id}"),
            Self::Client(address, agent) => {
                let address = address.map(|a| a.to_string()).unwrap_or_default();
                format!("a{address} {}", agent.unwrap_or_default())
            }
        };
        let mut digest = [0; 16];
        digest.copy_from_slice(&Sha256::digest(name.as_bytes())[..16]);
        digest
    }
}

/// Hours since 1970 of a Unix time in seconds.
pub fn hour(unix: i64) -> i64 {
    unix.div_euclid(HOUR)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    pub video: VideoId,
    pub hour: i64,
    pub viewer: [u8; 16],
}

impl View {
    /// `now` is a Unix time in seconds.
    pub fn new(video: VideoId, visitor: Visitor<'_>, now: i64) -> Self {
        Self { video, hour: hour(now), viewer: visitor.digest() }
    }
}

/// The views of the last hour on this replica.
pub struct ViewDeduplicator(Cache<View, ()>);

impl Default for ViewDeduplicator {
    fn default() -> Self {
        let hour = Duration::from_secs(HOUR as u64);
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(hour).build())
    }
}

impl ViewDeduplicator {
    /// Whether the view is new in its hour.
    pub fn insert(&self, view: &View) -> bool {
        // The entry is atomic: of two concurrent views one is new.
        !self.0.contains_key(view) && self.0.entry(*view).or_insert(()).is_fresh()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_counts_once_an_hour() {
        let dedup = ViewDeduplicator::default();
        let (a, b) = (VideoId(1), VideoId(2));
        let client = Visitor::Client(Some([127, 0, 0, 1].into()), Some("curl"));
        for (id, visitor, now, is_new) in [
            (a, Visitor::User(UserId(1)), 7200, true),
            (a, Visitor::User(UserId(1)), 10_799, false),
            (a, Visitor::User(UserId(1)), 10_800, true),
            (a, Visitor::User(UserId(2)), 10_800, true),
            (b, Visitor::User(UserId(2)), 10_800, true),
            (a, Visitor::Session("abcdefgh"), 10_800, true),
            (a, Visitor::Session("abcdefgh"), 10_801, false),
            (a, client, 10_800, true),
            (a, client, 10_800, false),
            (a, Visitor::Client(Some([127, 0, 0, 1].into()), Some("wget")), 10_800, true),
            (a, Visitor::Session("1"), 10_800, true),
        ] {
            assert_eq!(dedup.insert(&View::new(id, visitor, now)), is_new, "{id:?} {visitor:?} {now}");
        }
    }
}
