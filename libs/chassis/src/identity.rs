//! Who calls: users by access tokens, services by tokens of their own.

mod guard;
mod keys;
mod services;
mod tokens;

use serde::{Deserialize, Serialize};

pub use guard::Gatekeeper;
pub use keys::Ed25519Key;
pub use services::{ServiceIdentity, TrustedServices};
pub use tokens::{Claims, Verifier};

/// A user's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UserId(pub i64);

impl std::fmt::Display for UserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

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
}

/// When the access token of a request ends, in seconds of 1970; in its
/// extensions beside the [`Caller`] where that is a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenEnd(pub i64);

/// Who a request comes from; in its extensions once it passed the guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    Anonymous,
    User(User),
    /// Another service, by name.
    Service(String),
}

impl Caller {
    /// The caller of a request that passed the guard.
    pub fn of<T>(request: &tonic::Request<T>) -> Self {
        request.extensions().get().cloned().unwrap_or(Self::Anonymous)
    }

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
