//! Who calls: a user by an access token, a service by a token of its own, or
//! nobody in particular.

use serde::{Deserialize, Serialize};

use crate::UserId;

/// What a user may do; each may do what those before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    User,
    Moderator,
    Admin,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::Moderator, Self::Admin].into_iter().find(|r| r.as_str() == text)
    }
}

/// A signed-in user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub role: Role,
    /// The session that the token belongs to.
    pub session: String,
    /// When the access token expires, in seconds since 1970.
    pub token_expires: i64,
}

/// Who sent a request, as its tokens prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    Anonymous,
    User(User),
    /// Another service, by name.
    Service(String),
}

impl Caller {
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            _ => None,
        }
    }

    /// The signed-in user; the contract's access already promised that there
    /// is one.
    pub fn require_user(&self) -> crate::Result<&User> {
        self.user().ok_or_else(|| crate::Error::new(crate::Reason::Unauthenticated, "sign in first"))
    }
}
