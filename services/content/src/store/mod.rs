//! The tables: entities, migrations and queries. Rows never leave it.

pub mod categories;
pub mod channels;
mod entity;
pub mod errands;
pub mod history;
pub mod idempotency;
pub mod listing;
mod migration;
pub mod sweeps;
pub mod videos;
pub mod views;

pub use migration::Migrator;

#[cfg(test)]
mod tests;
