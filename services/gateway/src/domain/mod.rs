//! Rules without I/O.

pub mod breaker;
pub mod client_address;
pub mod gcra;
pub mod revocations;
pub mod websocket;
