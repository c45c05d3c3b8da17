//! What the gateway answers by itself, and what it adds to every answer.

pub mod cors;
pub mod docs;
pub mod headers;
