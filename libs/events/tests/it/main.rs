//! One suite for both buses, on every database: whatever fails, is
//! repeated or reordered, each committed event takes effect once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod broadcast;
mod broker;
mod circuit_breaker;
mod commands;
mod delivery;
mod erasure;
mod failures;
mod fleet;
mod job_queue;
mod kill;
mod leases;
mod poison;
