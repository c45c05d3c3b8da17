//! The tables: entities, migrations and queries. Entities stay private to it.

pub mod cascades;
pub mod categories;
pub mod channels;
mod entity;
pub mod history;
pub mod idempotency;
pub mod listing;
mod migration;
pub mod videos;
pub mod views;

pub use migration::Migrator;

#[cfg(test)]
mod tests;
