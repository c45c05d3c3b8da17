//! One suite for both buses, on every database: whatever fails, repeats or
//! changes places, each committed event takes effect once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broker;
mod commands;
mod delivery;
mod failures;
mod fleet;
mod kill;
mod leases;
mod poison;
