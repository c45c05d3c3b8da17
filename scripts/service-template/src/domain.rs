//! What the service is about, without I/O.

use fenz_core::UserId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playlist {
    pub id: i64,
    pub owner: UserId,
    pub name: String,
}
