//! One suite for both buses, on every database: whatever fails, repeats or
//! changes places, each committed event takes effect once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod broker;
mod commands;
mod delivery;
mod erasure;
mod failures;
mod fleet;
mod kill;
mod leases;
mod listener;
mod poison;
