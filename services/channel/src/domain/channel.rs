//! The channel entity.

use chrono::{DateTime, Utc};
use fenz_core::{Caller, ChannelId, Role, UploadId, UserId};

use super::{Counts, HiddenReasons, Money};

/// In characters.
pub const MAX_NAME: usize = 64;

/// A picture of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    Avatar,
    Banner,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub id: ChannelId,
    pub owner: UserId,
    pub name: String,
    pub description: String,
    pub avatar: Option<UploadId>,
    pub banner: Option<UploadId>,
    pub fee: Money,
    pub hidden: HiddenReasons,
    pub counts: Counts,
    pub created_at: DateTime<Utc>,
    /// Grows with every change but those of the counts, also when the channel is
    /// deleted and recreated.
    pub version: i64,
    /// A deleted channel's row stays, emptied, so that versions keep growing.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Memberships up to this version belong to a deleted channel with this id.
    pub membership_floor: i64,
}

/// Membership versions reserved for a channel between its creation and deletion:
/// more than a membership can change.
const VERSIONS_PER_LIFETIME: i64 = 1 << 32;

impl Picture {
    pub const ALL: [Self; 2] = [Self::Avatar, Self::Banner];

    /// The request field with the upload id.
    pub fn field(self) -> &'static str {
        match self {
            Self::Avatar => "avatarUploadId",
            Self::Banner => "bannerUploadId",
        }
    }
}

impl Channel {
    pub fn new(owner: UserId, name: &str, now: DateTime<Utc>) -> Self {
        Self {
            id: ChannelId(owner.0),
            owner,
            name: name.chars().take(MAX_NAME).collect(),
            description: String::new(),
            avatar: None,
            banner: None,
            fee: Money::default(),
            hidden: HiddenReasons::default(),
            counts: Counts::default(),
            created_at: now,
            version: 1,
            deleted_at: None,
            membership_floor: 0,
        }
    }

    /// The emptied row of a deleted channel. The moderation reason stays: a new
    /// channel must not lift it.
    #[must_use]
    pub fn deleted(self, now: DateTime<Utc>) -> Self {
        Self {
            hidden: self.hidden.only_moderation(),
            version: self.version + 1,
            deleted_at: Some(now),
            membership_floor: self.membership_floor + VERSIONS_PER_LIFETIME,
            ..Self::new(self.owner, "", self.created_at)
        }
    }

    /// A new, empty channel after a deleted one.
    #[must_use]
    pub fn recreated(self, name: &str, now: DateTime<Utc>) -> Self {
        Self {
            hidden: self.hidden.only_moderation(),
            version: self.version + 1,
            membership_floor: self.membership_floor,
            ..Self::new(self.owner, name, now)
        }
    }

    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    pub fn picture(&self, picture: Picture) -> Option<UploadId> {
        match picture {
            Picture::Avatar => self.avatar,
            Picture::Banner => self.banner,
        }
    }

    pub fn is_visible_to(&self, caller: &Caller) -> bool {
        let is_privileged = |user: &fenz_core::User| user.id == self.owner || user.role >= Role::Moderator;
        !self.hidden.any() || caller.user().is_some_and(is_privileged)
    }

    /// Whether it accepts new members.
    pub fn is_open(&self) -> bool {
        !self.hidden.any() && !self.is_deleted()
    }
}

/// A channel for tests.
#[cfg(test)]
pub fn sample(id: i64) -> Channel {
    Channel::new(UserId(id), "a channel", DateTime::from_timestamp(1_790_000_000, 123_456_000).unwrap())
}

#[cfg(test)]
mod tests {
    use fenz_core::User;

    use super::*;

    #[test]
    fn a_hidden_channel_is_visible_to_its_owner_and_moderators() {
        let caller = |id, role| Caller::User(User { id: UserId(id), role, session: String::new(), token_expires: 0 });
        let visible = sample(7);
        let hidden = Channel { hidden: HiddenReasons::from_bits(2), ..sample(7) };
        for (caller, expected) in [
            (Caller::Anonymous, false),
            (caller(8, Role::User), false),
            (caller(7, Role::User), true),
            (caller(8, Role::Moderator), true),
            (caller(8, Role::Admin), true),
        ] {
            assert!(visible.is_visible_to(&caller));
            assert_eq!(hidden.is_visible_to(&caller), expected, "{caller:?}");
        }
    }

    #[test]
    fn versions_keep_growing_after_deletion() {
        let first = Channel { avatar: Some(UploadId(5)), version: 4, description: "d".into(), ..sample(7) };
        let deleted = first.clone().deleted(first.created_at);
        assert_eq!((deleted.id, deleted.version, deleted.avatar, deleted.is_deleted()), (first.id, 5, None, true));
        assert!(deleted.name.is_empty() && deleted.description.is_empty() && !deleted.is_open());
        let recreated = deleted.clone().recreated("new", first.created_at);
        assert_eq!((recreated.version, recreated.is_deleted(), recreated.is_open()), (6, false, true));
        assert_eq!(recreated.membership_floor, deleted.membership_floor);
        assert!(recreated.deleted(first.created_at).membership_floor > deleted.membership_floor);
    }

    #[test]
    fn moderation_survives_recreation() {
        let first = Channel { hidden: HiddenReasons::from_bits(2).moderated(true), ..sample(7) };
        let at = first.created_at;
        let deleted = first.deleted(at);
        assert_eq!((deleted.hidden.bits(), deleted.recreated("new", at).hidden.bits()), (1, 1));
    }

    #[test]
    fn long_names_are_truncated_between_characters() {
        let channel = Channel::new(UserId(1), &"頻".repeat(100), sample(1).created_at);
        assert_eq!(channel.name, "頻".repeat(MAX_NAME));
    }
}
