//! A channel.

use chrono::{DateTime, Utc};
use fenz_chassis::{Caller, Role, UserId};

use super::{Counts, HiddenReasons, Money};

/// A channel's id; a user's first channel has the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelId(pub i64);

/// The id of an upload that media keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadId(pub i64);

/// The longest name, in characters.
pub const MAX_NAME: usize = 64;

/// A place on a channel for a picture.
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
    /// Grows with every change but those of the counts, also over a deletion and
    /// a new start.
    pub version: i64,
    /// None while there is the channel. Afterwards its row stays, without
    /// anything in it, for what a new one has to go on from.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Memberships up to this version belong to a channel of this id that was
    /// deleted.
    pub membership_floor: i64,
}

/// What one life of a channel leaves to the versions of a membership: more than
/// anybody changes theirs.
const LIFE: i64 = 1 << 32;

impl Picture {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Avatar => "avatar",
            Self::Banner => "banner",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Avatar, Self::Banner].into_iter().find(|p| p.as_str() == text)
    }

    /// The field of a request that names such an upload.
    pub fn field(self) -> &'static str {
        match self {
            Self::Avatar => "avatarUploadId",
            Self::Banner => "bannerUploadId",
        }
    }
}

impl Channel {
    /// A user's first.
    pub fn first(owner: UserId, name: &str, now: DateTime<Utc>) -> Self {
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

    /// What stays of it when it is deleted. What moderators hid stays hidden:
    /// nobody sheds that by a new start.
    #[must_use]
    pub fn deleted(self, now: DateTime<Utc>) -> Self {
        Self {
            hidden: self.hidden.by_moderation(),
            version: self.version + 1,
            deleted_at: Some(now),
            membership_floor: self.membership_floor + LIFE,
            ..Self::first(self.owner, "", self.created_at)
        }
    }

    /// A new, empty one, whose versions go on.
    #[must_use]
    pub fn again(self, name: &str, now: DateTime<Utc>) -> Self {
        Self {
            hidden: self.hidden.by_moderation(),
            version: self.version + 1,
            membership_floor: self.membership_floor,
            ..Self::first(self.owner, name, now)
        }
    }

    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    pub fn picture(&self, place: Picture) -> Option<UploadId> {
        match place {
            Picture::Avatar => self.avatar,
            Picture::Banner => self.banner,
        }
    }

    /// Whether a caller may know of it.
    pub fn is_visible_to(&self, caller: &Caller) -> bool {
        let knows = |user: &fenz_chassis::User| user.id == self.owner || user.role >= Role::Moderator;
        !self.hidden.any() || caller.user().is_some_and(knows)
    }

    /// Whether anybody may become a member of it.
    pub fn is_open(&self) -> bool {
        !self.hidden.any() && !self.is_deleted()
    }
}

/// A channel to change in tests.
#[cfg(test)]
pub fn sample(id: i64) -> Channel {
    Channel::first(UserId(id), "a channel", DateTime::from_timestamp(1_790_000_000, 123_456_000).unwrap())
}

#[cfg(test)]
mod tests {
    use fenz_chassis::User;

    use super::*;

    #[test]
    fn a_hidden_channel_is_there_for_its_owner_and_for_moderators() {
        let caller = |id, role| Caller::User(User { id: UserId(id), role, session: String::new() });
        let visible = sample(7);
        let hidden = Channel { hidden: HiddenReasons::from_bits(2), ..sample(7) };
        for (caller, sees) in [
            (Caller::Anonymous, false),
            (caller(8, Role::User), false),
            (caller(7, Role::User), true),
            (caller(8, Role::Moderator), true),
            (caller(8, Role::Admin), true),
        ] {
            assert!(visible.is_visible_to(&caller));
            assert_eq!(hidden.is_visible_to(&caller), sees, "{caller:?}");
        }
    }

    #[test]
    fn versions_go_on_over_a_deletion() {
        let first = Channel { avatar: Some(UploadId(5)), version: 4, description: "d".into(), ..sample(7) };
        let gone = first.clone().deleted(first.created_at);
        assert_eq!((gone.id, gone.version, gone.avatar, gone.is_deleted()), (first.id, 5, None, true));
        assert!(gone.name.is_empty() && gone.description.is_empty() && !gone.is_open());
        let again = gone.clone().again("new", first.created_at);
        assert_eq!((again.version, again.is_deleted(), again.is_open()), (6, false, true));
        assert_eq!(again.membership_floor, gone.membership_floor);
        assert!(again.deleted(first.created_at).membership_floor > gone.membership_floor);
    }

    #[test]
    fn what_moderators_hid_stays_hidden_over_a_new_start() {
        let first = Channel { hidden: HiddenReasons::from_bits(2).moderated(true), ..sample(7) };
        let at = first.created_at;
        let gone = first.deleted(at);
        assert_eq!((gone.hidden.bits(), gone.again("new", at).hidden.bits()), (1, 1));
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let channel = Channel::first(UserId(1), &"頻".repeat(100), sample(1).created_at);
        assert_eq!(channel.name, "頻".repeat(MAX_NAME));
    }
}
