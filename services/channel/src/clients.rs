//! Clients of other services: media stores the pictures.

use fenz_chassis::{peers::PeerChannel, status};
use fenz_contract::media::v1::{ClaimUploadRequest, ReleaseClaimRequest, upload_service_client::UploadServiceClient};
use fenz_core::{Error, Reason, Result, UserId};

use crate::domain::{Claim, Picture};

#[derive(Clone)]
pub struct Uploads {
    client: UploadServiceClient<PeerChannel>,
}

impl Uploads {
    pub fn new(media: PeerChannel) -> Self {
        Self { client: UploadServiceClient::new(media) }
    }

    /// Claims an owner's upload for a picture. Idempotent.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND`, `UPLOAD_ALREADY_USED` and media's other refusals,
    /// each on the field that named the upload; `UNAVAILABLE`.
    pub async fn claim(&self, claim: Claim, owner: UserId) -> Result<()> {
        let request = ClaimUploadRequest {
            upload_id: claim.upload.0,
            owner_id: owner.0,
            kind: "image".to_owned(),
            claim: claim.to_string(),
        };
        let claimed = self.client.clone().claim_upload(request).await;
        claimed.map(drop).map_err(|status| on_field(claim.picture, status::into_error(status)))
    }

    /// Releases a claim. Idempotent; a claim that does not exist is released.
    pub async fn release(&self, claim: Claim, keep_files: bool) -> Result<()> {
        let request = ReleaseClaimRequest { claim: claim.to_string(), upload_id: 0, keep_files };
        self.client.clone().release_claim(request).await.map_err(status::into_error)?;
        Ok(())
    }
}

fn on_field(picture: Picture, error: Error) -> Error {
    let field = picture.field();
    match error.reason {
        Reason::UploadNotFound => Error::field(error.reason, field, "names no upload of yours"),
        Reason::UploadAlreadyUsed => Error::field(error.reason, field, "names an upload that is in use already"),
        Reason::UnsupportedFormat | Reason::InvalidParams => {
            Error::field(error.reason, field, format!("names an upload that does not fit: {}", error.message))
        }
        _ => error,
    }
}
