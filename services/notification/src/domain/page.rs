//! How deep lists go.

pub use fenz_core::page::Page;

/// Where counts and lists end: 1,000 means "1,000 or more".
pub const CAP: u64 = 1_000;
