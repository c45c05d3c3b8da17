//! The rules: what an account, a password, a wait, a version is.

pub mod account;
pub mod password;
pub mod secret;
pub mod session;
pub mod throttle;
pub mod version;
