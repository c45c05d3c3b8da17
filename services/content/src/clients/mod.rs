//! Clients of other services.

mod memberships;
mod tags;

pub use memberships::Memberships;
pub use tags::Tags;
