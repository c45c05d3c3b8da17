//! Ed25519 keys, as text that settings and databases can hold.

use anyhow::{Context, Result};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ed25519_dalek::SigningKey;
use fenz_contract::auth::v1::Jwk;
use fenz_core::Random;
use jsonwebtoken::EncodingKey;

use super::ed25519;

/// A key pair that signs tokens.
#[derive(Clone)]
pub struct Ed25519Key {
    seed: [u8; 32],
}

impl Ed25519Key {
    pub fn generate(random: &Random) -> Self {
        Self { seed: random.value() }
    }

    /// From base64 of the 32-byte seed.
    pub fn from_base64(text: &str) -> Result<Self> {
        let bytes = BASE64_STANDARD.decode(text.trim()).ok();
        let seed = bytes.and_then(|b| b.try_into().ok()).context("should be base64 of 32 bytes")?;
        Ok(Self { seed })
    }

    pub fn to_base64(&self) -> String {
        BASE64_STANDARD.encode(self.seed)
    }

    /// The public key, base64.
    pub fn public_base64(&self) -> String {
        BASE64_STANDARD.encode(self.public())
    }

    /// Signs with `jsonwebtoken`, by Ed25519 only.
    pub fn encoding_key(&self) -> EncodingKey {
        ed25519::install();
        EncodingKey::from_ed_der(&self.seed)
    }

    /// The public key as JWKS publishes it.
    pub fn jwk(&self, kid: &str) -> Jwk {
        Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: BASE64_URL_SAFE_NO_PAD.encode(self.public()),
            kid: kid.to_owned(),
            alg: "EdDSA".to_owned(),
            r#use: "sig".to_owned(),
        }
    }

    fn public(&self) -> [u8; 32] {
        SigningKey::from_bytes(&self.seed).verifying_key().to_bytes()
    }
}
