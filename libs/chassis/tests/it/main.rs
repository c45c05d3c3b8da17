//! The chassis with real databases and over real ports.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod database;
mod rest;
