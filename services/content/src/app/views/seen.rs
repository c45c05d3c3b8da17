//! Who was seen watching what in this hour.

use std::{net::IpAddr, time::Duration};

use moka::sync::Cache;
use sha2::{Digest, Sha256};

use crate::domain::VideoId;

const HOUR: i64 = 3600;
/// Viewers remembered, about 100 bytes each; the least recent are forgotten.
const REMEMBERED: u64 = 200_000;

/// Who is one viewer: a user, else a session, else an address and browser.
#[derive(Clone, Copy, Debug)]
pub enum Visitor<'a> {
    User(i64),
    Session(&'a str),
    Client(Option<IpAddr>, Option<&'a str>),
}

impl Visitor<'_> {
    /// The same on every replica, and nothing to read the viewer from.
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

/// The hour of a second of 1970, counted from 1970.
pub fn hour(unix: i64) -> i64 {
    unix.div_euclid(HOUR)
}

/// A viewer's view of a video in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    pub video: VideoId,
    pub hour: i64,
    pub viewer: [u8; 16],
}

impl View {
    /// `now` is a second of 1970.
    pub fn of(video: VideoId, visitor: Visitor<'_>, now: i64) -> Self {
        Self { video, hour: hour(now), viewer: visitor.digest() }
    }
}

/// The views of this hour that this replica knows of.
pub struct Seen(Cache<View, ()>);

impl Default for Seen {
    fn default() -> Self {
        let hour = Duration::from_secs(HOUR as u64);
        Self(Cache::builder().max_capacity(REMEMBERED).time_to_live(hour).build())
    }
}

impl Seen {
    /// Whether this is a view, and not the same viewer's reload.
    pub fn is_new(&self, view: &View) -> bool {
        // Of two at the same time one is new.
        !self.0.contains_key(view) && self.0.entry(*view).or_insert(()).is_fresh()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_view_an_hour_of_each_viewer() {
        let seen = Seen::default();
        let (a, b) = (VideoId(1), VideoId(2));
        let home = Visitor::Client(Some([127, 0, 0, 1].into()), Some("curl"));
        for (id, visitor, now, is_new) in [
            (a, Visitor::User(1), 7200, true),
            (a, Visitor::User(1), 10_799, false),
            (a, Visitor::User(1), 10_800, true),
            (a, Visitor::User(2), 10_800, true),
            (b, Visitor::User(2), 10_800, true),
            (a, Visitor::Session("abcdefgh"), 10_800, true),
            (a, Visitor::Session("abcdefgh"), 10_801, false),
            (a, home, 10_800, true),
            (a, home, 10_800, false),
            (a, Visitor::Client(Some([127, 0, 0, 1].into()), Some("wget")), 10_800, true),
            (a, Visitor::Session("1"), 10_800, true),
        ] {
            assert_eq!(seen.is_new(&View::of(id, visitor, now)), is_new, "{id:?} {visitor:?} {now}");
        }
    }
}
