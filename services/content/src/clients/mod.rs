//! Clients of other services.

mod memberships;
mod tags;
mod uploads;

pub use memberships::Memberships;
pub use tags::Tags;
pub use uploads::{ClaimedUpload, Kind, Uploads};
