//! Who asks for recommendations.

use fenz_core::UserId;

/// The owner of tag choices and feeds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Viewer {
    User(UserId),
    /// By session id.
    Guest(String),
    /// Neither signed in nor with a session id.
    Anonymous,
}

impl Viewer {
    /// The account, else the guest session, else anonymous.
    pub fn new(user: Option<UserId>, session: Option<String>) -> Self {
        match (user, session) {
            (Some(user), _) => Self::User(user),
            (None, Some(session)) => Self::Guest(session),
            (None, None) => Self::Anonymous,
        }
    }

    /// A unique key of the viewer; empty for anonymous ones.
    pub fn key(&self) -> String {
        match self {
            Self::User(id) => format!("u{id}"),
            Self::Guest(session) => format!("g{session}"),
            Self::Anonymous => String::new(),
        }
    }
}
