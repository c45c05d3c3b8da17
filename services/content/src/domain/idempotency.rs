//! Idempotency keys.

/// A client's key and the request it came with, both as hexadecimal SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub key_hash: String,
    pub request_hash: String,
}
