//! Routes that the gateway serves itself, and headers of every response.

pub mod cors;
pub mod docs;
pub mod headers;
