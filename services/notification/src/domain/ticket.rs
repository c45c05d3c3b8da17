//! One-time tickets that open a stream.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use fenz_core::Random;
use sha2::{Digest, Sha256};

/// 256 random bits: the text for the client, and the digest that is stored.
pub struct Ticket {
    pub text: String,
    pub digest: String,
}

impl Ticket {
    pub fn new(random: &Random) -> Self {
        let text = BASE64_URL_SAFE_NO_PAD.encode(random.value::<[u8; 32]>());
        let digest = digest(&text);
        Self { text, digest }
    }
}

/// The digest that is stored.
pub fn digest(ticket: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(ticket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_differ_and_are_found_by_their_digest() {
        let random = Random::default();
        let (one, other) = (Ticket::new(&random), Ticket::new(&random));
        assert_ne!(one.text, other.text);
        assert_eq!(one.digest, digest(&one.text));
        assert_ne!(one.digest, one.text);
    }
}
