//! The media service over its port, on every available database and object store, with
//! files created by ffmpeg.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod decoders;
mod erasure;
mod files;
mod harness;
mod lengths;
mod object_store;
mod play;
mod playback_access;
mod processing;
mod raw_upload;
mod rejections;
mod reservations;
mod shape;
mod store_unavailable;
mod sweep;
mod unreadable;
mod upload;
mod upload_limits;
