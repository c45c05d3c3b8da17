//! Entities, migrations and queries. Entities stay inside.

mod entity;
pub mod erasure;
pub mod feed;
pub mod latest_events;
pub mod memberships;
mod migration;
pub mod notifications;
pub mod readers;
pub mod sequence;
pub mod sources;
pub mod tickets;
pub mod tombstones;

pub use migration::Migrator;
