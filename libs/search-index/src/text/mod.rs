//! How text becomes tokens, the same for documents and queries.

pub mod fold;
pub mod pairs;
pub mod scan;
pub mod stem;
pub mod tokens;
