//! The auth service over its port, on every available database.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod administration;
mod audit;
mod avatar;
mod catalog;
mod deletion;
mod events;
mod fleet;
mod keys;
mod last_admin;
mod login;
mod migration;
mod moderation;
mod process;
mod prune;
mod recovery;
mod refresh;
mod registration;
mod sessions;
