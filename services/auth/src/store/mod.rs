//! Entities, migrations and queries. Entities are private to this module.

pub mod ended_sessions;
mod entity;
pub mod failures;
pub mod keys;
mod migration;
pub mod one_time;
pub mod refresh_tokens;
pub mod sessions;
pub mod unreported_failures;
pub mod users;

pub use migration::Migrator;
