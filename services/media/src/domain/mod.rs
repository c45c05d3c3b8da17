//! The rules: plain types and functions, no I/O.

pub mod boxes;
pub mod quota;
pub mod range;
pub mod sniff;
pub mod standing;
pub mod upload;
