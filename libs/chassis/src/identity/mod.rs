//! Proofs of identity: access tokens of users, and tokens that services sign
//! for themselves.

mod auth_keys;
mod authorizer;
mod ed25519;
mod keys;
mod services;
mod tokens;

pub use auth_keys::AuthKeys;
pub use authorizer::{Authorizer, caller_of, require_user};
pub use keys::Ed25519Key;
pub use services::{ServiceIdentity, TrustedServices};
pub use tokens::{Claims, Verifier};
