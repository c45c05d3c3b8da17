//! How many results lists can page through.

pub use fenz_core::page::Page;

/// The cap of counts and lists: 1,000 means "1,000 or more".
pub const CAP: u64 = 1_000;
