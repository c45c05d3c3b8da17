//! The queue on every database: whatever fails, is repeated or dies, each job ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod command;
mod fixture;
mod job_queue;
mod kill;
mod queue;
mod retries;
mod workers;
