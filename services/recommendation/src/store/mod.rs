//! The tables: entities, migrations and queries. Entities never leave it.

pub mod channels;
mod entity;
pub mod evictions;
pub mod listing;
mod migration;
pub mod sequence;
pub mod tag_choices;
pub mod tags;
pub mod titles;
pub mod videos;
pub mod viewers;
pub mod views;

pub use migration::Migrator;
