//! The tables: entities, migrations and queries. Rows never leave it.

pub mod audit;
mod entity;
pub mod erasures;
mod migration;
pub mod reports;
pub mod turns;

pub use migration::Migrator;
