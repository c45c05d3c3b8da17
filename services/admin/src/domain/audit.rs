//! The audit log.

use chrono::{DateTime, Utc};
use fenz_core::UserId;

/// An entry of the log. Immutable, except that erasures blank personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: i64,
    /// 0 when the caller was not signed in.
    pub actor: UserId,
    pub action: String,
    pub object_type: String,
    pub object_id: String,
    pub before: String,
    pub after: String,
    pub request_id: String,
    pub address: String,
    /// The affected user; 0 when there is none.
    pub subject: UserId,
    pub created_at: DateTime<Utc>,
    /// Personal data was removed.
    pub is_blanked: bool,
}

impl Entry {
    /// Removes the address, the changed values, and the object's id if it is not
    /// numeric, such as a username.
    #[must_use]
    pub fn blanked(mut self) -> Self {
        if !is_id(&self.object_id) {
            self.object_id.clear();
        }
        self.address.clear();
        self.before.clear();
        self.after.clear();
        self.is_blanked = true;
        self
    }
}

/// Whether an object's id is numeric, which is no personal data.
pub fn is_id(object_id: &str) -> bool {
    !object_id.is_empty() && object_id.bytes().all(|b| b.is_ascii_digit())
}

/// Which entries are listed; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub actor: Option<UserId>,
    pub action: Option<String>,
    pub object_type: Option<String>,
    pub object_id: Option<String>,
    /// Inclusive.
    pub from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub to: Option<DateTime<Utc>>,
}
