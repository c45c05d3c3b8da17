//! How deep lists go.

pub use fenz_chassis::page::Page;

/// What counts and lists go up to: 1,000 means "1,000 or more".
pub const CAP: u64 = 1_000;
