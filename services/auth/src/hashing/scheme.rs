//! Password hash schemes: argon2id for new hashes, bcrypt and other argon2
//! parameters for imported ones.

use anyhow::{Context, Result};
use argon2::{Algorithm, Argon2, Params, Version, password_hash::phc::PasswordHash};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use fenz_core::Random;
use subtle::ConstantTimeEq;

use super::pool::Scratch;

/// The memory limit of imported hashes.
const MAX_MEMORY_KIB: u32 = 1 << 20;

pub type Salt = [u8; 16];

/// The result of verifying a password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    pub matches: bool,
    /// The stored hash has another scheme or other parameters than new ones.
    pub needs_rehash: bool,
}

/// Hashes a password. Each needs a salt of its own.
pub fn hash(password: &str, params: &Params, salt: Salt, scratch: &mut Scratch) -> Result<String> {
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    argon2.hash_password_into_with_memory(password.as_bytes(), &salt, &mut out, memory(params, scratch))?;
    Ok(encode(params, salt, out))
}

/// A random hash of the current cost, which no password matches.
pub fn dummy_hash(params: &Params, random: &Random) -> String {
    encode(params, random.value(), random.value())
}

/// The PHC string format.
fn encode(params: &Params, salt: Salt, out: [u8; Params::DEFAULT_OUTPUT_LEN]) -> String {
    let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
    let [salt, out] = [&salt[..], &out].map(|bytes| BASE64_STANDARD_NO_PAD.encode(bytes));
    format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${out}")
}

/// Verifies a password against a stored hash. An unreadable hash matches nothing.
pub fn verify(password: &str, stored: &str, params: &Params, scratch: &mut Scratch) -> Verification {
    let verification = if stored.starts_with("$2") {
        bcrypt::verify(password, stored).map(|matches| Verification { matches, needs_rehash: true }).context("bcrypt")
    } else {
        verify_argon2(password, stored, params, scratch)
    };
    verification.unwrap_or_else(|error| {
        tracing::warn!(error = format!("{error:#}"), "cannot parse a stored password hash");
        Verification::default()
    })
}

fn verify_argon2(password: &str, stored: &str, params: &Params, scratch: &mut Scratch) -> Result<Verification> {
    let stored = PasswordHash::new(stored)?;
    let (salt, expected) = stored.salt.zip(stored.hash).context("salt or hash is missing")?;
    let algorithm = Algorithm::try_from(stored.algorithm.as_str())?;
    let version = Version::try_from(stored.version.unwrap_or(0x13))?;
    let stored_params = Params::try_from(&stored)?;
    anyhow::ensure!(stored_params.m_cost() <= MAX_MEMORY_KIB, "it needs {} KiB of memory", stored_params.m_cost());
    let current = algorithm == Algorithm::Argon2id && version == Version::V0x13 && cost(&stored_params) == cost(params);
    let argon2 = Argon2::new(algorithm, version, stored_params);
    let mut computed = vec![0; expected.len()];
    if current {
        argon2.hash_password_into_with_memory(password.as_bytes(), &salt, &mut computed, memory(params, scratch))?;
    } else {
        argon2.hash_password_into(password.as_bytes(), &salt, &mut computed)?;
    }
    let matches = computed.ct_eq(expected.as_bytes()).into();
    Ok(Verification { matches, needs_rehash: !current })
}

fn cost(params: &Params) -> (u32, u32, u32, Option<usize>) {
    (params.m_cost(), params.t_cost(), params.p_cost(), params.output_len())
}

fn memory<'a>(params: &Params, scratch: &'a mut Scratch) -> &'a mut [argon2::Block] {
    scratch.resize(params.block_count(), argon2::Block::new());
    scratch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(memory: u32) -> Params {
        Params::new(memory, 1, 1, Some(Params::DEFAULT_OUTPUT_LEN)).unwrap()
    }

    fn check(password: &str, stored: &str) -> Verification {
        verify(password, stored, &params(64), &mut Scratch::new())
    }

    const RIGHT: Verification = Verification { matches: true, needs_rehash: false };
    const OLD: Verification = Verification { matches: true, needs_rehash: true };

    #[test]
    fn new_hashes_verify_with_reused_memory() {
        let mut scratch = Scratch::new();
        let stored = hash("pässword", &params(64), [1; 16], &mut scratch).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        assert_eq!(verify("pässword", &stored, &params(64), &mut scratch), RIGHT);
        assert!(!verify("password", &stored, &params(64), &mut scratch).matches);
        assert_ne!(stored, hash("pässword", &params(64), [2; 16], &mut scratch).unwrap());
    }

    #[test]
    fn other_parameters_and_bcrypt_verify_and_need_a_rehash() {
        let other = hash("password", &params(128), [1; 16], &mut Scratch::new()).unwrap();
        assert_eq!(check("password", &other), OLD);
        assert!(!check("passwort", &other).matches);
        let bcrypt = bcrypt::hash("password", 4).unwrap();
        for version in ["$2a$", "$2b$", "$2y$"] {
            assert_eq!(check("password", &bcrypt.replacen("$2b$", version, 1)), OLD);
        }
        assert!(!check("passwort", &bcrypt).matches);
        // The reference implementation's own example: echo -n "password" | ./argon2 somesalt -t 2 -m 16 -p 4 -l 24
        let reference = "$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG";
        assert_eq!(check("password", reference), OLD);
    }

    #[test]
    fn unreadable_hashes_match_nothing() {
        for stored in [
            "",
            "password",
            "$2b$",
            "$argon2id$",
            "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG",
        ] {
            assert_eq!(check("password", stored), Verification::default(), "{stored}");
        }
        assert!(!check("", &dummy_hash(&params(64), &Random::default())).matches);
    }
}
