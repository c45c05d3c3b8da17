//! The auth service over its port, on every database that this machine offers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod administration;
mod audit;
mod avatar;
mod catalog;
mod deletion;
mod fleet;
mod hearing;
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
