//! The keys that sign access tokens: made on first start, published before they
//! sign, published until their last token has expired.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use fenz_chassis::{
    Clock, Error,
    database::{is_duplicate, transact},
    identity::{Claims, Ed25519Key, Verifier},
};
use fenz_contract::auth::v1::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use sea_orm::DatabaseConnection;

use crate::{
    domain::secret,
    store::keys::{self, StoredKey},
};

/// How long a new key is published before it signs: every verifier looks for
/// new keys once a minute.
const PUBLISHED_AHEAD: Duration = Duration::from_secs(60);

/// The keys at hand. Clones are the same.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    /// Ours, which asks nobody for keys.
    verifier: Verifier,
    /// How long tokens of a retired key may be alive.
    afterlife: Duration,
    /// The newest first.
    keys: RwLock<Vec<Key>>,
}

struct Key {
    kid: String,
    signs: EncodingKey,
    published: Jwk,
    active_from: DateTime<Utc>,
}

impl Keyring {
    pub fn new(verifier: Verifier, afterlife: Duration) -> Self {
        Self(Arc::new(Inner { verifier, afterlife, keys: RwLock::default() }))
    }

    /// Makes the very first key; of replicas that start together one wins.
    pub async fn make_first(&self, db: &DatabaseConnection, clock: &Clock) -> Result<()> {
        if keys::all(db).await?.is_empty() {
            match keys::insert(db, &new_key(1, clock.now())).await {
                Err(error) if !is_duplicate(&error) => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes over what the database has, for signing and for verifying.
    pub async fn reload(&self, db: &DatabaseConnection, now: DateTime<Utc>) -> Result<()> {
        let mut loaded = Vec::new();
        for stored in keys::all(db).await? {
            if stored.retired_at.is_some_and(|at| at + self.0.afterlife < now) {
                continue;
            }
            let key = Ed25519Key::from_base64(&stored.seed).with_context(|| format!("signing key {}", stored.kid))?;
            loaded.push(Key {
                signs: key.encoding_key(),
                published: key.jwk(&stored.kid),
                kid: stored.kid,
                active_from: stored.active_from,
            });
        }
        let published: Vec<_> = loaded.iter().map(|key| key.published.clone()).collect();
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        self.0.verifier.set_keys(&published);
        Ok(())
    }

    /// The public keys, for JWKS.
    pub fn published(&self) -> Vec<Jwk> {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().map(|key| key.published.clone()).collect()
    }

    /// Signs with the newest key whose time has come.
    ///
    /// # Errors
    /// When there is none, which is a fault of ours.
    pub fn sign(&self, claims: &Claims, now: DateTime<Utc>) -> Result<String, Error> {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys
            .iter()
            .find(|key| key.active_from <= now)
            // The clock of the replica that made the only key may be ahead.
            .or(keys.last())
            .ok_or_else(|| Error::internal(anyhow::anyhow!("there is no signing key")))?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.kid.clone());
        jsonwebtoken::encode(&header, claims, &key.signs).map_err(Error::internal)
    }
}

fn new_key(generation: i64, active_from: DateTime<Utc>) -> StoredKey {
    let key = Ed25519Key::generate();
    let kid = secret::digest(&key.public_base64())[..16].to_owned();
    StoredKey { generation, kid, seed: key.to_base64(), active_from, retired_at: None }
}

/// Makes a new key in the place of the current one; running services take it
/// over by themselves. Gives its id and when it begins to sign.
///
/// # Errors
/// When somebody else does the same right now.
pub async fn rotate(db: &DatabaseConnection, clock: &Clock) -> Result<(String, DateTime<Utc>)> {
    let rotated = transact(db, |txn| async move {
        let newest = keys::all(txn.as_ref()).await?.first().map(|key| key.generation);
        let from = newest.map_or(clock.now(), |_| clock.after(PUBLISHED_AHEAD));
        let key = new_key(newest.unwrap_or_default() + 1, from);
        keys::insert(txn.as_ref(), &key).await?;
        keys::retire_before(txn.as_ref(), key.generation, from).await?;
        Ok((key.kid, from))
    });
    Ok(rotated.await?)
}
