//! Entities, migrations and queries. Entities do not leave this module.

mod entity;
mod migration;
pub mod playback_states;
pub mod processing;
pub mod removal;
pub mod uploads;
pub mod usage;
pub mod uses;

pub use migration::Migrator;
