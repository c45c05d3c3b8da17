//! Who did what.

use chrono::{DateTime, Utc};

/// An entry of the log. Never changed, but for what an erasure blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: i64,
    /// 0 where nobody was signed in.
    pub actor: i64,
    pub action: String,
    pub object_type: String,
    pub object_id: String,
    pub before: String,
    pub after: String,
    pub request_id: String,
    pub address: String,
    /// The user that it is about; 0 where there is none.
    pub subject: i64,
    pub created_at: DateTime<Utc>,
    /// What was personal is gone.
    pub is_blanked: bool,
}

impl Entry {
    /// Takes out what is personal: of the actor where they were, of both what
    /// changed. Ids stay, names that stand where an id is expected do not.
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

/// Whether an object's id is a number, which says nothing of anybody.
pub fn is_id(object_id: &str) -> bool {
    !object_id.is_empty() && object_id.bytes().all(|b| b.is_ascii_digit())
}

/// Which entries are asked for; all where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub actor: Option<i64>,
    pub action: Option<String>,
    pub object_type: Option<String>,
    pub object_id: Option<String>,
    /// Inclusive.
    pub from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub to: Option<DateTime<Utc>>,
}
