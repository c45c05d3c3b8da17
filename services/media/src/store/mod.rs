//! The tables: entities, migrations and queries. Rows never leave it.

pub mod claims;
pub mod daily;
mod entity;
mod migration;
pub mod removal;
pub mod states;
pub mod uploads;

pub use migration::Migrator;
