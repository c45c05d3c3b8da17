//! Who looks for something to watch.

/// Whose tags and whose feeds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Viewer {
    User(i64),
    /// By session id.
    Guest(String),
    /// Said nothing about themselves.
    Nobody,
}

impl Viewer {
    /// The account, else the guest's id, else nobody.
    pub fn of(user: Option<i64>, session: Option<String>) -> Self {
        match (user, session) {
            (Some(user), _) => Self::User(user),
            (None, Some(session)) => Self::Guest(session),
            (None, None) => Self::Nobody,
        }
    }

    /// A word that tells viewers apart.
    pub fn mark(&self) -> String {
        match self {
            Self::User(id) => format!("u{id}"),
            Self::Guest(session) => format!("g{session}"),
            Self::Nobody => String::new(),
        }
    }
}
