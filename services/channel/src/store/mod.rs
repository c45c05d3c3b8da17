//! Entities, migrations and queries. Entities do not leave this module.

pub mod channels;
mod entity;
pub mod memberships;
mod migration;
pub mod user_names;

pub use migration::Migrator;
