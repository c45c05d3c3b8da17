//! Ed25519 for `jsonwebtoken`: the only algorithm that tokens are signed with.
//! Its own backends would bring a second cryptographic library of C code.

use ed25519_dalek::{
    Signature, SigningKey, VerifyingKey,
    ed25519::signature::{Error, Signer, Verifier},
};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| signer(*algorithm, key),
    verifier_factory: |algorithm, key| verifier(*algorithm, key),
    // Keys are published by Ed25519Key::jwk.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes `jsonwebtoken` use it, once in a process; keys are made after it.
pub(super) fn install() {
    PROVIDER.install_default().ok();
}

struct Ed25519Signer(SigningKey);

struct Ed25519Verifier(VerifyingKey);

/// The key is the 32-byte seed, as `Ed25519Key::encoding_key` makes it.
fn signer(algorithm: Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    require(algorithm, key.family())?;
    let seed = key.as_bytes().try_into().map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(Ed25519Signer(SigningKey::from_bytes(seed))))
}

fn verifier(algorithm: Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    require(algorithm, key.family())?;
    let key = key.try_get_as_bytes()?.try_into().map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(Ed25519Verifier(VerifyingKey::from_bytes(key).map_err(|_| ErrorKind::InvalidEddsaKey)?)))
}

fn require(algorithm: Algorithm, family: AlgorithmFamily) -> Result<()> {
    if (algorithm, family) == (Algorithm::EdDSA, AlgorithmFamily::Ed) {
        return Ok(());
    }
    Err(ErrorKind::InvalidAlgorithm.into())
}

impl Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(self.0.sign(message).to_bytes().to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

impl Verifier<Vec<u8>> for Ed25519Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        // Strict: refuses keys of small order, for which one signature fits many messages.
        self.0.verify_strict(message, &Signature::from_slice(signature)?)
    }
}

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}
