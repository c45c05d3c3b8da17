//! A notification, whoever it is for.

use chrono::{DateTime, Utc};

use super::Kind;

/// A position in the total order of everything that was projected. It grows in
/// commit order: whoever has seen a position has seen all before it.
pub type Seq = i64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub seq: Seq,
    pub id: i64,
    pub kind: Kind,
    pub title: String,
    pub message: String,
    /// JSON.
    pub payload: String,
    pub created_at: DateTime<Utc>,
}

/// A notification in one user's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub notification: Notification,
    pub is_read: bool,
}
