//! The rules: plain types and functions, no I/O.

pub mod audit;
pub mod change;
pub mod erasure;
pub mod report;
pub mod text;

pub use fenz_chassis::page;
