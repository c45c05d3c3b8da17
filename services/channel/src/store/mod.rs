//! Entities, migrations and queries. Entities do not leave this module.

pub mod channel_cleanups;
pub mod channels;
mod entity;
pub mod memberships;
mod migration;
pub mod pending_calls;
pub mod user_names;

pub use migration::Migrator;
