//! The chassis over real ports.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rest;
