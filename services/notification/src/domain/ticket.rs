//! Tickets that open a stream once.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// 256 random bits: what the client gets, and what is stored.
pub struct Ticket {
    pub text: String,
    pub digest: String,
}

impl Ticket {
    pub fn random() -> Self {
        let text = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let digest = digest(&text);
        Self { text, digest }
    }
}

/// What is stored of a ticket.
pub fn digest(ticket: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(ticket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_differ_and_are_known_by_their_digest() {
        let (one, other) = (Ticket::random(), Ticket::random());
        assert_ne!(one.text, other.text);
        assert_eq!(one.digest, digest(&one.text));
        assert_ne!(one.digest, one.text);
    }
}
