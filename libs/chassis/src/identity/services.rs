//! How services prove to each other who they are: tokens that each signs
//! itself, minutes long.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{Ed25519Key, ed25519};
use fenz_core::{Clock, Error, Reason};

/// Seconds that a service token lives.
const LIFETIME: i64 = 300;
/// Seconds before its end at which a token is replaced.
const MARGIN: i64 = 60;
/// Seconds that two clocks may differ.
const LEEWAY: i64 = 30;

#[derive(Serialize, Deserialize)]
struct ServiceClaims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// This service, as it shows itself to others.
#[derive(Clone)]
pub struct ServiceIdentity {
    name: &'static str,
    key: EncodingKey,
    clock: Clock,
    current: Arc<Mutex<Option<(String, i64)>>>,
}

impl ServiceIdentity {
    pub fn new(name: &'static str, key: &Ed25519Key, clock: Clock) -> Self {
        Self { name, key: key.encoding_key(), clock, current: Arc::default() }
    }

    /// A token that is good for a minute at least.
    pub fn token(&self) -> Result<String, Error> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.unix();
        if let Some((token, exp)) = &*current
            && now + MARGIN < *exp
        {
            return Ok(token.clone());
        }
        let exp = now + LIFETIME;
        let claims = ServiceClaims { iss: self.name.to_owned(), aud: "internal".to_owned(), iat: now, exp };
        let token =
            jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &self.key).map_err(Error::internal)?;
        *current = Some((token.clone(), exp));
        Ok(token)
    }
}

/// The services that may call, and their keys.
#[derive(Clone)]
pub struct TrustedServices {
    keys: Arc<HashMap<String, DecodingKey>>,
    validation: Arc<Validation>,
    clock: Clock,
}

impl TrustedServices {
    /// From `name=base64,name=base64`.
    ///
    /// # Errors
    /// When an entry is not of that form.
    pub fn new(setting: &str, clock: Clock) -> Result<Self> {
        ed25519::install();
        let entries = setting.split(',').map(str::trim).filter(|e| !e.is_empty());
        let keys = entries
            .map(|entry| {
                let (name, key) = entry.split_once('=')?;
                let bytes = BASE64_STANDARD.decode(key).ok().filter(|b| b.len() == 32)?;
                let key = DecodingKey::from_ed_components(&BASE64_URL_SAFE_NO_PAD.encode(bytes)).ok()?;
                Some((name.to_owned(), key))
            })
            .collect::<Option<_>>()
            .context("FENZ_INTERNAL__TRUSTED should be `service=<base64 of its public key>`, comma-separated")?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&["internal"]);
        validation.validate_exp = false;
        Ok(Self { keys: Arc::new(keys), validation: Arc::new(validation), clock })
    }

    /// The name of the service that a token proves.
    pub fn verify(&self, token: &str) -> Result<String, Error> {
        let invalid = || Error::new(Reason::TokenInvalid, "the service token is not valid");
        let claimed = jsonwebtoken::dangerous::insecure_decode::<ServiceClaims>(token).map_err(|_| invalid())?;
        let key = self.keys.get(&claimed.claims.iss).ok_or_else(invalid)?;
        let claims = jsonwebtoken::decode::<ServiceClaims>(token, key, &self.validation).map_err(|_| invalid())?.claims;
        let now = self.clock.unix();
        if claims.exp + LEEWAY <= now || claims.iat > now + LEEWAY {
            return Err(invalid());
        }
        Ok(claims.iss)
    }
}

#[cfg(test)]
mod tests {
    use fenz_core::Random;

    use super::*;

    #[test]
    fn only_trusted_keys_prove_a_service() {
        let clock = Clock::default();
        let random = Random::default();
        let (ours, theirs) = (Ed25519Key::generate(&random), Ed25519Key::generate(&random));
        let trusted = TrustedServices::new(&format!("content={}", ours.public_base64()), clock.clone()).unwrap();
        let token = |key: &Ed25519Key, name| ServiceIdentity::new(name, key, clock.clone()).token().unwrap();
        assert_eq!(trusted.verify(&token(&ours, "content")).unwrap(), "content");
        assert!(trusted.verify(&token(&theirs, "content")).is_err());
        assert!(trusted.verify(&token(&ours, "auth")).is_err());
        let old = token(&ours, "content");
        clock.advance(std::time::Duration::from_secs(331));
        assert!(trusted.verify(&old).is_err());
    }
}
