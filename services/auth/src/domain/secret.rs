//! Random secrets, of which only the digest is stored, and digests of what is typed.

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use fenz_core::Random;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// A token of 256 random bits.
pub struct Token {
    /// For the client.
    pub text: String,
    /// Stored.
    pub digest: String,
}

impl Token {
    pub fn new(random: &Random) -> Self {
        let text = BASE64_URL_SAFE_NO_PAD.encode(random.value::<[u8; 32]>());
        let digest = digest(&text);
        Self { text, digest }
    }
}

/// SHA-256 in hexadecimal.
pub fn digest(token: &str) -> String {
    hex(&Sha256::digest(token))
}

/// The key of digests of what people type into the name field, passwords among it. Who
/// has a digest without the key cannot find the text by trying.
#[derive(Clone)]
pub struct DigestKey(Hmac<Sha256>);

impl DigestKey {
    /// # Errors
    /// When the secret is too short.
    pub fn new(secret: &str) -> Result<Self> {
        let hmac = Hmac::new_from_slice(secret.as_bytes()).ok().filter(|_| secret.len() >= 32);
        Ok(Self(hmac.context("a key for digests should have 32 bytes")?))
    }

    /// HMAC-SHA-256 in hexadecimal.
    pub fn digest(&self, text: &str) -> String {
        let mut hmac = self.0.clone();
        hmac.update(text.as_bytes());
        hex(&hmac.finalize().into_bytes())
    }
}

/// A session's id: 128 random bits.
pub fn session_id(random: &Random) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random.value::<[u8; 16]>())
}

/// A password to be read from a screen and typed, without ambiguous letters.
/// 16 of 32 characters are 80 random bits.
pub fn password(random: &Random) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letters = random.value::<[u8; 16]>().map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// Whether a code is among others, in constant time.
pub fn is_among<'a>(code: &str, codes: impl Iterator<Item = &'a str>) -> bool {
    let given = Sha256::digest(code);
    codes.fold(Choice::from(0), |found, code| found | Sha256::digest(code).ct_eq(&given)).into()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or_default());
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_match_their_digest() {
        let random = Random::default();
        let (one, other) = (Token::new(&random), Token::new(&random));
        assert_ne!(one.text, other.text);
        assert_eq!(one.digest, digest(&one.text));
        assert_eq!((one.text.len(), one.digest.len(), session_id(&random).len()), (43, 64, 22));
        // FIPS 180-2, appendix B.1
        assert_eq!(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn digests_with_different_keys_differ() {
        let digest = |secret: &str, text: &str| DigestKey::new(secret).unwrap().digest(text);
        // RFC 4231, test case 6
        assert_eq!(
            DigestKey(Hmac::new_from_slice(&[0xaa; 131]).unwrap())
                .digest("Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
        assert_ne!(digest(&"a".repeat(32), "text"), digest(&"b".repeat(32), "text"));
        assert!(DigestKey::new("short").is_err());
    }

    #[test]
    fn printed_passwords_are_four_groups_of_four() {
        let password = password(&Random::default());
        assert_eq!(password.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4, 4]);
    }

    #[test]
    fn only_a_whole_code_matches() {
        let codes = || ["one", "two"].into_iter();
        assert!(is_among("two", codes()));
        for bad in ["", "tw", "two ", "one,two"] {
            assert!(!is_among(bad, codes()), "{bad}");
        }
    }
}
