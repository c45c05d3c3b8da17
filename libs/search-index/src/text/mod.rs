//! Turns text into tokens, the same way for documents and queries.

pub mod cjk;
pub mod fold;
pub mod scan;
pub mod stem;
pub mod tokens;
