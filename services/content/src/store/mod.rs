//! The tables: entities, migrations and queries. Rows never leave it.

pub mod categories;
mod entity;
pub mod errands;
pub mod idempotency;
pub mod listing;
mod migration;
pub mod videos;

pub use migration::Migrator;

#[cfg(test)]
mod tests;
