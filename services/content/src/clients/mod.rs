//! The other services, as this one needs them.

mod memberships;
mod tags;
mod uploads;

pub use memberships::Memberships;
pub use tags::Tags;
pub use uploads::{Claimed, Kind, Uploads};
