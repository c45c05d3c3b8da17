//! The other services, as this one needs them.

mod memberships;
mod uploads;

pub use memberships::Memberships;
pub use uploads::{Claimed, Kind, Uploads};
