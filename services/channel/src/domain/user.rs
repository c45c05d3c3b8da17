//! What this service stores of a user; auth owns it.

/// A user's names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserNames {
    pub username: String,
    pub display_name: String,
}

/// A user's state after one of auth's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserUpdate {
    pub names: UserNames,
    pub is_hidden: bool,
    /// Of the user; older updates are ignored.
    pub version: i64,
}

impl UserNames {
    /// The name of a new channel; empty while no name is known.
    pub fn default_channel_name(&self) -> &str {
        [&self.display_name, &self.username].into_iter().find(|name| !name.trim().is_empty()).map_or("", |name| name)
    }
}
