//! The platform as its users run it: real programs, real files, through the
//! gateway; whole in one process, and as four processes on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod client;
mod faults;
mod fuzz;
mod journey;
mod platform;
mod social;
mod start;
mod tour;
