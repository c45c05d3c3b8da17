//! The keys that sign access tokens: created at the first start, in the JWKS from
//! before they sign until their last token has expired.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use fenz_chassis::identity::{Claims, Ed25519Key, Verifier};
use fenz_contract::auth::v1::Jwk;
use fenz_core::{Clock, Error, Random};
use fenz_database::transact;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use sea_orm::DatabaseConnection;

use crate::{
    domain::secret,
    store::keys::{self, StoredKey},
};

/// How long a new key is published before it signs: verifiers fetch the JWKS
/// once a minute.
const PUBLICATION_LEAD: Duration = Duration::from_secs(60);

/// The loaded keys. Clones share them.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    /// This service's own verifier, which fetches no JWKS.
    verifier: Verifier,
    /// How long tokens of a retired key may still be valid.
    retirement_period: Duration,
    /// The newest first.
    keys: RwLock<Vec<Key>>,
}

struct Key {
    kid: String,
    signer: EncodingKey,
    jwk: Jwk,
    active_from: DateTime<Utc>,
}

impl Keyring {
    pub fn new(verifier: Verifier, retirement_period: Duration) -> Self {
        Self(Arc::new(Inner { verifier, retirement_period, keys: RwLock::default() }))
    }

    /// Creates the first key; of replicas that start at the same time one wins.
    pub async fn create_first(&self, db: &DatabaseConnection, clock: &Clock, random: &Random) -> Result<()> {
        if keys::all(db).await?.is_empty() {
            match keys::insert(db, &new_key(1, clock.now(), random)).await {
                Err(error) if !error.is_duplicate() => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Loads the keys from the database, for signing and for verifying.
    pub async fn reload(&self, db: &DatabaseConnection, now: DateTime<Utc>) -> Result<()> {
        let mut loaded = Vec::new();
        for stored in keys::all(db).await? {
            if stored.retired_at.is_some_and(|at| at + self.0.retirement_period < now) {
                continue;
            }
            let key = Ed25519Key::from_base64(&stored.seed).with_context(|| format!("signing key {}", stored.kid))?;
            loaded.push(Key {
                signer: key.encoding_key(),
                jwk: key.jwk(&stored.kid),
                kid: stored.kid,
                active_from: stored.active_from,
            });
        }
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        self.0.verifier.set_keys(&self.jwks());
        Ok(())
    }

    /// The public keys.
    pub fn jwks(&self) -> Vec<Jwk> {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().map(|key| key.jwk.clone()).collect()
    }

    /// Signs with the newest active key.
    ///
    /// # Errors
    /// `INTERNAL` when there is none.
    pub fn sign(&self, claims: &Claims, now: DateTime<Utc>) -> Result<String, Error> {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys
            .iter()
            .find(|key| key.active_from <= now)
            // The clock of the replica that created the only key may be ahead.
            .or(keys.last())
            .ok_or_else(|| Error::internal(anyhow::anyhow!("there is no signing key")))?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.kid.clone());
        jsonwebtoken::encode(&header, claims, &key.signer).map_err(Error::internal)
    }
}

fn new_key(generation: i64, active_from: DateTime<Utc>, random: &Random) -> StoredKey {
    let key = Ed25519Key::generate(random);
    let kid = secret::digest(&key.public_base64())[..16].to_owned();
    StoredKey { generation, kid, seed: key.to_base64(), active_from, retired_at: None }
}

/// Creates a key that replaces the current one; running services reload it.
/// Returns its id and when it starts to sign.
///
/// # Errors
/// When the keys are rotated concurrently.
pub async fn rotate(db: &DatabaseConnection, clock: &Clock, random: &Random) -> Result<(String, DateTime<Utc>)> {
    let rotated = transact(db, |txn| async move {
        let newest = keys::all(txn.as_ref()).await?.first().map(|key| key.generation);
        let active_from = newest.map_or(clock.now(), |_| clock.after(PUBLICATION_LEAD));
        let key = new_key(newest.unwrap_or_default() + 1, active_from, random);
        keys::insert(txn.as_ref(), &key).await?;
        keys::retire_before(txn.as_ref(), key.generation, active_from).await?;
        Ok((key.kid, active_from))
    });
    Ok(rotated.await?)
}
