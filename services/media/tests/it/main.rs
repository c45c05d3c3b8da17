//! The media service over its real port, on each database that is there, with
//! the in-process object store and files that ffmpeg made.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod claims;
mod files;
mod harness;
mod play;
mod refuse;
mod store_away;
mod sweep;
mod upload;
