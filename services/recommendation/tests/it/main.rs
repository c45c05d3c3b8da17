//! The recommendation service over its real port, on every database at hand,
//! with Redis and without.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod erasure;
mod feeds;
mod fleet;
mod popular;
mod projection;
mod redis;
mod search;
mod tags;
