//! Types and rules, without I/O.

pub mod account;
pub mod ban;
pub mod hidden;
pub mod password;
pub mod permissions;
pub mod secret;
pub mod session;
pub mod throttle;
pub mod version;

pub use fenz_core::page;
