//! Types and rules, without I/O.

pub mod audit;
pub mod change;
pub mod erasure;
pub mod report;
pub mod text;

pub use fenz_core::page;
