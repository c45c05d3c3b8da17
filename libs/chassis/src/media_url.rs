//! Playback paths that carry their own permission: signed, expiring, verified
//! without a call to another service.
//!
//! A path is `/media/{id}/{expires}/{key}/{signature}`: the upload's id, the
//! second of 1970 at which it ends, with an `i` behind it for insiders, the id
//! of the key, and the base64url HMAC-SHA256 of everything before the signature.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use fenz_core::{Error, Reason, UploadId};

use crate::{Platform, Requirement, Secret};

const INSIDER: &str = "i";

/// `FENZ_MEDIA_URL__KEYS`: `id=secret`, comma-separated. The first signs; all
/// verify, so that keys can be changed without breaking running players.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaUrlSettings {
    pub keys: Secret,
}

/// Whom a path was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Anybody; it plays nothing that is unpublished or hidden by now.
    Everyone,
    /// The owner or a moderator; it plays that too.
    Insider,
}

/// What a path that we signed says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedPath {
    pub upload_id: UploadId,
    /// The second of 1970 at which it ends.
    pub expires: i64,
    pub audience: Audience,
}

/// The keys that playback paths are signed with.
#[derive(Clone)]
pub struct MediaUrls {
    keys: Vec<(String, Hmac<Sha256>)>,
}

impl MediaUrls {
    /// # Errors
    /// When the setting is not `id=secret[,id=secret…]` with secrets of at
    /// least 16 characters.
    pub fn new(settings: &MediaUrlSettings) -> anyhow::Result<Self> {
        let keys = settings.keys.expose().split(',').map(|pair| {
            let (id, secret) = pair.trim().split_once('=')?;
            let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
            let hmac = Hmac::new_from_slice(secret.as_bytes()).ok()?;
            (plain && secret.len() >= 16).then(|| (id.to_owned(), hmac))
        });
        let keys = keys.collect::<Option<Vec<_>>>().ok_or_else(|| {
            anyhow::anyhow!(
                "FENZ_MEDIA_URL__KEYS should be `id=secret`, comma-separated, with secrets of 16 characters or more"
            )
        })?;
        Ok(Self { keys })
    }

    /// The path that plays an upload until the given second of 1970.
    pub fn sign(&self, upload: UploadId, expires: i64) -> String {
        self.sign_for(Audience::Everyone, upload, expires)
    }

    /// The same, made for somebody.
    pub fn sign_for(&self, audience: Audience, upload: UploadId, expires: i64) -> String {
        let (id, hmac) = &self.keys[0];
        let mark = if audience == Audience::Insider { INSIDER } else { "" };
        let mut path = format!("/media/{upload}/{expires}{mark}/{id}");
        let signature = signature(hmac, &path);
        path.push('/');
        path.push_str(&signature);
        path
    }

    /// What a path plays, until when, and whom it was made for. The path is
    /// taken as it came, percent signs and all.
    ///
    /// # Errors
    /// `URL_INVALID` for whatever we did not sign, `URL_EXPIRED` after its time.
    pub fn verify(&self, path: &str, now: i64) -> Result<SignedPath, Error> {
        let invalid = || Error::new(Reason::UrlInvalid, "this is not an address we signed");
        let (signed, given) = path.rsplit_once('/').ok_or_else(invalid)?;
        let [upload_id, expires, key] =
            signed.strip_prefix("/media/").ok_or_else(invalid)?.split('/').collect::<Vec<_>>()[..]
        else {
            return Err(invalid());
        };
        let (_, hmac) = self.keys.iter().find(|(id, _)| id == key).ok_or_else(invalid)?;
        if !bool::from(signature(hmac, signed).as_bytes().ct_eq(given.as_bytes())) {
            return Err(invalid());
        }
        let upload_id = UploadId(upload_id.parse().map_err(|_| invalid())?);
        let (expires, audience) = match expires.strip_suffix(INSIDER) {
            Some(expires) => (expires, Audience::Insider),
            None => (expires, Audience::Everyone),
        };
        let expires = expires.parse().map_err(|_| invalid())?;
        if now >= expires {
            return Err(Error::new(Reason::UrlExpired, "this address has expired; ask for a new one"));
        }
        Ok(SignedPath { upload_id, expires, audience })
    }
}

impl Requirement for MediaUrls {
    type Settings = MediaUrlSettings;
    const SECTION: &'static str = "media_url";

    async fn connect(settings: MediaUrlSettings, _: &Platform) -> anyhow::Result<Self> {
        Self::new(&settings)
    }
}

fn signature(hmac: &Hmac<Sha256>, text: &str) -> String {
    let mut hmac = hmac.clone();
    hmac.update(text.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(hmac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(keys: &str) -> MediaUrls {
        MediaUrls::new(&MediaUrlSettings { keys: Secret::from(keys) }).unwrap()
    }

    #[test]
    fn every_changed_character_is_refused() {
        let urls = urls("k1=0123456789abcdef");
        let path = urls.sign(UploadId(42), 1_000);
        let signed = SignedPath { upload_id: UploadId(42), expires: 1_000, audience: Audience::Everyone };
        assert_eq!(urls.verify(&path, 999).unwrap(), signed);
        let path = urls.sign_for(Audience::Insider, UploadId(42), 1_000);
        assert_eq!(urls.verify(&path, 999).unwrap(), SignedPath { audience: Audience::Insider, ..signed });
        for i in 0..path.len() {
            for with in ['A', 'b', '1', 'i', '/', '%'] {
                let mut changed = path.clone();
                changed.replace_range(i..=i, &with.to_string());
                if changed != path {
                    assert_eq!(urls.verify(&changed, 0).unwrap_err().reason, Reason::UrlInvalid, "{changed}");
                }
            }
        }
    }

    #[test]
    fn expires_on_the_second() {
        let urls = urls("k1=0123456789abcdef");
        let path = urls.sign(UploadId(42), 1_000);
        assert_eq!(urls.verify(&path, 1_000).unwrap_err().reason, Reason::UrlExpired);
    }

    #[test]
    fn old_keys_verify_until_they_are_removed() {
        let old = urls("k1=0123456789abcdef").sign(UploadId(1), 10);
        assert!(urls("k2=fedcba9876543210,k1=0123456789abcdef").verify(&old, 0).is_ok());
        assert!(urls("k2=fedcba9876543210").verify(&old, 0).is_err());
    }

    #[test]
    fn bad_keys_are_refused() {
        for bad in ["", "k1", "k1=short", "k/1=0123456789abcdef"] {
            assert!(MediaUrls::new(&MediaUrlSettings { keys: Secret::from(bad) }).is_err(), "{bad}");
        }
    }
}
