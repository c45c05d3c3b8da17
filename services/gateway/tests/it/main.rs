//! The gateway over its port, with stub servers in place of the services.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod drain;
mod faults;
mod fleet;
mod grpc;
mod hostile;
mod http2;
mod pages;
mod rate_limits;
mod routing;
mod shared_rate_limits;
mod streams;
mod websocket;
