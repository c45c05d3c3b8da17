//! The auth service over its port, on every database that this machine offers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod avatar;
mod fleet;
mod keys;
mod login;
mod process;
mod prune;
mod recovery;
mod refresh;
mod registration;
mod sessions;
