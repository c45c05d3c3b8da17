//! Tests of the recommendation service over its port, on every available
//! database, with and without Redis.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod catalogs;
mod erasure;
mod feeds;
mod harness;
mod popular;
mod projection;
mod redis;
mod search;
mod tags;
