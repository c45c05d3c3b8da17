//! The tables: entities, migrations and queries. Rows never leave it.

mod entity;
pub mod feed;
pub mod gone;
pub mod heads;
pub mod members;
mod migration;
pub mod notices;
pub mod readers;
pub mod sequence;
pub mod sources;
pub mod tickets;

pub use migration::Migrator;
