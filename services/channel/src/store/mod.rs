//! The tables: entities, migrations and queries. Rows never leave it.

pub mod channels;
pub mod clearings;
mod entity;
pub mod errands;
pub mod memberships;
mod migration;
pub mod user_names;

pub use migration::Migrator;
