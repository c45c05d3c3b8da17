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

pub use auth::StandInAuth;
pub use client::{Client, PNG, Reply, eventually, id, mp4};
pub use database::Database;
pub use port::free_address;
pub use redis::Redis;
pub use sandbox::Sandbox;
pub use servers::{Server, required_or_skip};
