//! The tables, in the database of each service that publishes or consumes.

pub mod dead_letters;
mod entity;
pub mod erasures;
pub mod inbox;
pub mod leases;
pub mod mailbox;
mod migration;
pub mod outbox;

pub use migration::migrations;
