//! Entities, migrations and queries. Entities are private to this module.

mod entity;
pub mod failures;
pub mod keys;
mod migration;
pub mod one_time;
pub mod refresh_tokens;
pub mod secrets;
pub mod session_ends;
pub mod sessions;
pub mod unreported_failures;
pub mod users;

pub use migration::Migrator;
