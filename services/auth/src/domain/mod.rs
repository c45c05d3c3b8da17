//! The rules: what an account, a password, a wait, a version is, and who may do
//! what to whom.

pub mod account;
pub mod ban;
pub mod hidden;
pub mod password;
pub mod rights;
pub mod secret;
pub mod session;
pub mod throttle;
pub mod version;

pub use fenz_chassis::page;
