//! One thing that users are told.

use chrono::{DateTime, Utc};

use super::Kind;

/// The place in the one order in which notices were taken in; grows with each
/// commit, so who has seen a place has seen all before it.
pub type Seq = i64;

/// A notification, whoever it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub seq: Seq,
    pub id: i64,
    pub kind: Kind,
    pub title: String,
    pub message: String,
    /// JSON.
    pub payload: String,
    pub created_at: DateTime<Utc>,
}
