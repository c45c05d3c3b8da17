//! Starts any set of services for a test, on a chosen database, each on a
//! loopback port of its own; they reach each other over these, or in memory.

mod auth;
mod client;
mod database;
mod event_stub;
mod leftovers;
mod port;
mod redis;
mod rounds;
mod sandbox;
mod servers;
mod stub;

pub use auth::StandInAuth;
pub use client::{Client, PASSWORD, PNG, Reply, eventually, id, mp4, within};
pub use database::Database;
pub use event_stub::EventStub;
pub use port::free_address;
pub use redis::Redis;
pub use rounds::rounds;
pub use sandbox::{STUB, Sandbox, Transport};
pub use servers::{Server, required_or_skip, s3_settings};
pub use stub::{AllowAll, serve_stub};
