//! What the edge decides, apart from how bytes move.

pub mod breaker;
pub mod client_address;
pub mod gcra;
pub mod revocations;
