//! The gateway over its port, with small servers behind it in the services'
//! places: what is tested is what happens on the way.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod faults;
mod fleet;
mod grpc;
mod hostile;
mod limits;
mod pages;
mod routing;
mod shared_limits;
mod streams;
mod websocket;
