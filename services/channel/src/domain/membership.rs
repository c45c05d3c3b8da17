//! Memberships of channels.

use chrono::{DateTime, Utc};
use fenz_core::{Tier, UserId};

use super::{Channel, ChannelId};

/// The state of a membership; access depends on its tier only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    /// A payment for tier 2 has started.
    Pending,
    /// A payment has failed and is retried.
    PastDue,
    /// Tier 2 ends with the paid period.
    Cancelled,
    Ended,
}

impl Status {
    const ALL: [Self; 5] = [Self::Active, Self::Pending, Self::PastDue, Self::Cancelled, Self::Ended];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::PastDue => "past_due",
            Self::Cancelled => "cancelled",
            Self::Ended => "ended",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// A user's membership of a channel. An ended one is kept, so that its version
/// keeps growing if it starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    pub channel: ChannelId,
    pub user: UserId,
    pub tier: Tier,
    pub status: Status,
    /// When it last started.
    pub created_at: DateTime<Utc>,
    /// Grows with every change.
    pub version: i64,
}

impl Membership {
    /// A subscription that starts now; `before` is an ended one.
    pub fn start(before: Option<Self>, channel: &Channel, user: UserId, now: DateTime<Utc>) -> Self {
        let version = before.map_or(0, |m| m.version).max(channel.membership_floor) + 1;
        Self { channel: channel.id, user, tier: Tier::Subscriber, status: Status::Active, created_at: now, version }
    }

    /// Whether it is of this channel, not of a deleted one with the same id.
    pub fn belongs_to(&self, channel: &Channel) -> bool {
        self.channel == channel.id && !channel.is_deleted() && self.version > channel.membership_floor
    }

    #[must_use]
    pub fn ended(self) -> Self {
        Self { tier: Tier::None, status: Status::Ended, version: self.version + 1, ..self }
    }

    pub fn is_member(&self) -> bool {
        self.tier > Tier::None
    }
}

/// A channel's number of members: of any tier, and of tier 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub subscribers: i64,
    pub premium: i64,
}

impl Counts {
    /// The difference to a channel's counts when a member's tier changes.
    pub fn change(from: Tier, to: Tier) -> Self {
        let one = |tier, least| i64::from(tier >= least);
        let gain = |least| one(to, least) - one(from, least);
        Self { subscribers: gain(Tier::Subscriber), premium: gain(Tier::Premium) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::sample;

    #[test]
    fn counts_follow_every_change_of_tier() {
        use Tier::{None, Premium, Subscriber};
        for (from, to, subscribers, premium) in [
            (None, Subscriber, 1, 0),
            (None, Premium, 1, 1),
            (Subscriber, Premium, 0, 1),
            (Premium, Subscriber, 0, -1),
            (Premium, None, -1, -1),
            (Subscriber, None, -1, 0),
            (Premium, Premium, 0, 0),
        ] {
            assert_eq!(Counts::change(from, to), Counts { subscribers, premium }, "{from:?} {to:?}");
        }
    }

    #[test]
    fn versions_keep_growing_after_the_end() {
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let later = at + chrono::TimeDelta::hours(1);
        let channel = sample(1);
        let first = Membership::start(Option::None, &channel, UserId(2), at);
        let ended = first.ended();
        let restarted = Membership::start(Some(ended), &channel, UserId(2), later);
        assert_eq!((first.version, ended.version, restarted.version), (1, 2, 3));
        assert_eq!((first.created_at, ended.created_at, restarted.created_at), (at, at, later));
        assert_eq!((first.is_member(), ended.is_member(), restarted.is_member()), (true, false, true));
        let second = channel.clone().deleted(later).recreated("", later);
        let in_second = Membership::start(Some(restarted), &second, UserId(2), later);
        assert!(in_second.version > restarted.ended().version && in_second.belongs_to(&second));
        assert!(
            restarted.belongs_to(&channel)
                && !restarted.belongs_to(&second)
                && !in_second.belongs_to(&second.clone().deleted(later))
        );
        assert!(Status::ALL.iter().all(|s| Status::parse(s.as_str()) == Some(*s)));
    }
}
