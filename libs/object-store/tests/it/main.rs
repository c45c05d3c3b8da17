//! Every store does the same, and each what is its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod folder;
mod older_folder;
mod s3;
mod stores;
