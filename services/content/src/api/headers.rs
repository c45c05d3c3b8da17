//! Decodes request headers.

use fenz_chassis::request::client_address;
use fenz_contract::content::v1::CreateVideoRequest;
use fenz_core::{Caller, Error, Reason, Result};
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::{Request, metadata::MetadataMap};

use crate::{app::Visitor, domain::IdempotencyKey};

const MAX_KEY_LENGTH: usize = 128;

/// Identifies the viewer for view counts.
pub fn visitor<'a>(metadata: &'a MetadataMap, caller: &Caller, session: Option<&'a str>) -> Visitor<'a> {
    match (caller.user(), session) {
        (Some(user), _) => Visitor::User(user.id),
        (None, Some(session)) => Visitor::Session(session),
        (None, None) => {
            let agent = metadata.get("user-agent").and_then(|agent| agent.to_str().ok());
            Visitor::Client(client_address(metadata.as_ref()), agent)
        }
    }
}

/// All values of the `If-Match` header, joined.
pub fn if_match(metadata: &MetadataMap) -> Option<String> {
    let lines: Vec<_> = metadata.get_all("if-match").iter().map(|line| line.to_str().unwrap_or_default()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// The `Idempotency-Key` header with the hash of its request.
///
/// # Errors
/// `INVALID_PARAMS` when it is empty, too long or not plain text.
pub fn idempotency_key(request: &Request<CreateVideoRequest>) -> Result<Option<IdempotencyKey>> {
    let Some(header) = request.metadata().get("idempotency-key") else { return Ok(None) };
    let key = header.to_str().ok().filter(|key| (1..=MAX_KEY_LENGTH).contains(&key.len())).ok_or_else(|| {
        let description = format!("should be 1 to {MAX_KEY_LENGTH} ASCII characters");
        Error::field(Reason::InvalidParams, "Idempotency-Key", description)
    })?;
    let request_hash = sha256(&request.get_ref().encode_to_vec());
    Ok(Some(IdempotencyKey { key_hash: sha256(key.as_bytes()), request_hash }))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
        }
        text
    })
}
