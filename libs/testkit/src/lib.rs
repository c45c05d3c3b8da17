//! Starts any set of services for a test, on a chosen database, each on its
//! own loopback port as it would run alone.

mod auth;
mod client;
mod database;
mod event_stub;
mod leftovers;
mod port;
mod redis;
mod sandbox;
mod servers;
mod stub;

pub use auth::StandInAuth;
pub use client::{Client, PASSWORD, PNG, Reply, eventually, id, mp4, within};
pub use database::Database;
pub use event_stub::EventStub;
pub use port::free_address;
pub use redis::Redis;
pub use sandbox::{STUB, Sandbox};
pub use servers::{Server, required_or_skip, s3_settings};
pub use stub::{AllowAll, serve_stub};
