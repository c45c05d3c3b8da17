//! Access tokens: EdDSA, verified by every service, cached by their hash.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, RwLock},
    time::Duration,
};

use fenz_contract::auth::v1::{GetJwksRequest, Jwk, auth_service_client::AuthServiceClient};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use fenz_core::{Clock, Error, Reason, Result, Role, User, UserId};

use super::ed25519;
use crate::{peers::PeerChannel, settings::IdentitySettings, status};

/// Verified tokens kept; about 200 bytes each.
const CACHED_TOKENS: u64 = 20_000;
/// The least time between two fetches for an unknown key.
const REFRESH_PAUSE: Duration = Duration::from_secs(1);

/// What an access token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// The user's id.
    pub sub: String,
    pub role: Role,
    /// The session's id.
    pub sid: String,
    /// Seconds of 1970.
    pub iat: i64,
    /// Seconds of 1970.
    pub exp: i64,
    pub iss: String,
    pub aud: String,
}

/// Verifies access tokens against the published keys.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    clock: Clock,
    validation: Validation,
    keys: RwLock<HashMap<String, DecodingKey>>,
    verified: Cache<[u8; 32], User>,
    /// Where keys come from; none in auth itself, which sets them.
    source: OnceLock<AuthServiceClient<PeerChannel>>,
    /// When the key set was last fetched; locked while it is.
    fetched: Mutex<Option<tokio::time::Instant>>,
}

impl Verifier {
    /// A verifier without keys: see [`Verifier::fetch_from`] and
    /// [`Verifier::set_keys`].
    pub fn new(settings: &IdentitySettings, clock: Clock) -> Self {
        ed25519::install();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[&settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Compared with the injected clock instead.
        validation.validate_exp = false;
        Self(Arc::new(Inner {
            clock,
            validation,
            keys: RwLock::default(),
            verified: Cache::builder().max_capacity(CACHED_TOKENS).time_to_live(Duration::from_secs(900)).build(),
            source: OnceLock::new(),
            fetched: Mutex::new(None),
        }))
    }

    /// Fetches keys from auth from now on.
    pub fn fetch_from(&self, auth: PeerChannel) {
        self.0.source.get_or_init(|| AuthServiceClient::new(auth));
    }

    /// Replaces the key set. Tokens of a removed key are no longer valid.
    pub fn set_keys(&self, keys: &[Jwk]) {
        let decoded = keys
            .iter()
            .filter(|k| k.kty == "OKP" && k.crv == "Ed25519")
            .filter_map(|k| Some((k.kid.clone(), DecodingKey::from_ed_components(&k.x).ok()?)))
            .collect::<HashMap<_, _>>();
        let mut current = self.0.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if current.keys().any(|kid| !decoded.contains_key(kid)) {
            self.0.verified.invalidate_all();
        }
        *current = decoded;
    }

    /// Whether a key set is at hand.
    pub fn is_ready(&self) -> bool {
        !self.0.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner).is_empty()
    }

    /// Fetches the key set from auth.
    pub async fn refresh(&self) -> Result<()> {
        let mut fetched = self.0.fetched.lock().await;
        self.fetch(&mut fetched).await
    }

    async fn fetch(&self, fetched: &mut Option<tokio::time::Instant>) -> Result<()> {
        let Some(source) = self.0.source.get() else { return Ok(()) };
        let reply = source.clone().get_jwks(GetJwksRequest {}).await;
        // Also after a failure: while auth is unavailable, tokens of unknown keys
        // would wait for it one after the other.
        *fetched = Some(tokio::time::Instant::now());
        self.set_keys(&reply.map_err(status::into_error)?.into_inner().keys);
        Ok(())
    }

    /// The user of a token.
    ///
    /// # Errors
    /// `TOKEN_INVALID`, `TOKEN_EXPIRED`, or `UNAVAILABLE` while there are no keys.
    pub async fn verify(&self, token: &str) -> Result<User> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        if let Some(user) = self.0.verified.get(&hash) {
            return self.unless_expired(user);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid())?;
        if header.alg != Algorithm::EdDSA {
            return Err(invalid());
        }
        let key = self.key(&header.kid.ok_or_else(invalid)?).await?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &self.0.validation).map_err(|_| invalid())?.claims;
        let id = claims.sub.parse().map(UserId).map_err(|_| invalid())?;
        let user = User { id, role: claims.role, session: claims.sid, token_expires: claims.exp };
        let user = self.unless_expired(user)?;
        self.0.verified.insert(hash, user.clone());
        Ok(user)
    }

    fn unless_expired(&self, user: User) -> Result<User> {
        if self.0.clock.unix() >= user.token_expires {
            return Err(Error::new(Reason::TokenExpired, "the access token has expired; refresh it"));
        }
        Ok(user)
    }

    /// A key by its id; an unknown one is fetched once a second at most, because
    /// keys rotate.
    async fn key(&self, kid: &str) -> Result<DecodingKey> {
        match self.cached_key(kid) {
            Some(key) => Ok(key),
            // Boxed: rare and large, and every request carries the room for it.
            None => Box::pin(self.fetch_key(kid)).await,
        }
    }

    fn cached_key(&self, kid: &str) -> Option<DecodingKey> {
        self.0.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(kid).cloned()
    }

    async fn fetch_key(&self, kid: &str) -> Result<DecodingKey> {
        let mut fetched = self.0.fetched.lock().await;
        if let Some(key) = self.cached_key(kid) {
            return Ok(key);
        }
        if fetched.is_none_or(|at| at.elapsed() >= REFRESH_PAUSE) {
            let refreshed = self.fetch(&mut fetched).await;
            if !self.is_ready() {
                refreshed?;
            }
        }
        match self.cached_key(kid) {
            Some(key) => Ok(key),
            None if self.is_ready() => Err(invalid()),
            None => Err(Error::new(Reason::Unavailable, "tokens cannot be verified yet; try again")),
        }
    }
}

fn invalid() -> Error {
    Error::new(Reason::TokenInvalid, "the access token is not valid")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use fenz_core::Random;
    use hmac::{Hmac, KeyInit, Mac};
    use jsonwebtoken::{Header, encode};

    use super::*;
    use crate::{
        identity::Ed25519Key,
        local::LocalServices,
        peers::{PeerSettings, Peers},
    };

    fn claims(clock: &Clock) -> Claims {
        let now = clock.unix();
        Claims {
            sub: "42".into(),
            role: Role::User,
            sid: "s1".into(),
            iat: now,
            exp: now + 60,
            iss: "fenzvideo".into(),
            aud: "fenzvideo".into(),
        }
    }

    fn sign(key: &Ed25519Key, kid: &str, claims: &Claims) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(kid.to_owned());
        encode(&header, claims, &key.encoding_key()).unwrap()
    }

    fn setup() -> (Verifier, Ed25519Key, Clock) {
        let clock = Clock::default();
        let verifier = Verifier::new(&IdentitySettings::default(), clock.clone());
        let key = Ed25519Key::generate(&Random::default());
        verifier.set_keys(&[key.jwk("k1")]);
        (verifier, key, clock)
    }

    #[tokio::test]
    async fn a_good_token_is_its_user_until_it_expires() {
        let (verifier, key, clock) = setup();
        let token = sign(&key, "k1", &claims(&clock));
        assert_eq!(verifier.verify(&token).await.unwrap().id, UserId(42));
        clock.advance(Duration::from_secs(61));
        assert_eq!(verifier.verify(&token).await.unwrap_err().reason, Reason::TokenExpired);
    }

    #[tokio::test]
    async fn other_keys_algorithms_and_audiences_are_refused() {
        let (verifier, key, clock) = setup();
        let good = claims(&clock);
        let foreign = sign(&Ed25519Key::generate(&Random::default()), "k1", &good);
        let unknown = sign(&key, "k2", &good);
        let other_audience = sign(&key, "k1", &Claims { aud: "internal".into(), ..good.clone() });
        let other_issuer = sign(&key, "k1", &Claims { iss: "else".into(), ..good.clone() });
        let body = sign(&key, "k1", &good).split('.').nth(1).unwrap().to_owned();
        // {"alg":"HS256","kid":"k1"}, with the public key as the secret.
        let signed = format!("eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.{body}");
        let mut mac = Hmac::<Sha256>::new_from_slice(key.public_base64().as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        let symmetric = format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        // {"alg":"none","kid":"k1"}
        let none = format!("eyJhbGciOiJub25lIiwia2lkIjoiazEifQ.{body}.");
        for token in [foreign, unknown, other_audience, other_issuer, symmetric, none, "x".into(), String::new()] {
            assert_eq!(verifier.verify(&token).await.unwrap_err().reason, Reason::TokenInvalid, "{token}");
        }
    }

    #[tokio::test]
    async fn while_auth_is_unavailable_it_is_not_asked_for_each_token() {
        let (_, key, clock) = setup();
        let address = ("auth".to_owned(), "http://127.0.0.1:1".to_owned());
        let peers = PeerSettings::try_from(BTreeMap::from([address])).unwrap();
        let verifier = Verifier::new(&IdentitySettings::default(), clock.clone());
        verifier.fetch_from(Peers::new(peers, LocalServices::default(), None).require("auth").unwrap());
        let unknown = sign(&key, "k2", &claims(&clock));
        for _ in 0..2 {
            assert_eq!(verifier.verify(&unknown).await.unwrap_err().reason, Reason::Unavailable);
        }
        verifier.set_keys(&[key.jwk("k1")]);
        assert!(verifier.0.fetched.lock().await.is_some());
        assert_eq!(verifier.verify(&unknown).await.unwrap_err().reason, Reason::TokenInvalid);
    }

    #[tokio::test]
    async fn a_removed_key_takes_its_tokens_with_it() {
        let (verifier, key, clock) = setup();
        let token = sign(&key, "k1", &claims(&clock));
        verifier.verify(&token).await.unwrap();
        verifier.set_keys(&[Ed25519Key::generate(&Random::default()).jwk("k2")]);
        assert!(verifier.verify(&token).await.is_err());
    }
}
