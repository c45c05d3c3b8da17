//! The media service over its real port, on each database that is there, with
//! the in-process object store and files that ffmpeg made.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod claims;
mod erasure;
mod files;
mod harness;
mod neighbour;
mod play;
mod refuse;
mod sight;
mod store;
mod store_away;
mod sweep;
mod upload;
