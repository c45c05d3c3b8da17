//! What the three databases have in common, with real ones.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod database;
mod rows;
mod text;
