//! Entities, migrations and queries. Entities are private to this module.

pub mod audit;
mod entity;
pub mod erasures;
mod migration;
pub mod reports;
pub mod user_locks;

pub use migration::Migrator;
