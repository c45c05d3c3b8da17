//! `fenzvideo.media.v1.UploadService`, for other services.

use fenz_contract::media::v1::{
    self as pb, ClaimUploadRequest, ClaimUploadResponse, ReleaseClaimRequest, ReleaseClaimResponse,
    UploadServiceHandler,
};
use fenz_core::{Error, Reason, Result, UserId};
use tonic::{Request, Response};

use crate::{
    app::Media,
    domain::upload::{Kind, Upload, UploadId},
};

pub struct Uploads(pub Media);

impl UploadServiceHandler for Uploads {
    async fn claim_upload(&self, request: Request<ClaimUploadRequest>) -> Result<Response<ClaimUploadResponse>> {
        let ClaimUploadRequest { upload_id, owner_id, kind, claim } = request.into_inner();
        let kind = Kind::parse(&kind).ok_or_else(|| Error::field(Reason::InvalidParams, "kind", "is unknown"))?;
        let claimed = self.0.claim(UploadId(upload_id), UserId(owner_id), kind, &claim).await?;
        Ok(Response::new(ClaimUploadResponse {
            upload: Some(message(claimed.upload)),
            poster_upload_id: claimed.poster.map_or(0, |id| id.0),
        }))
    }

    async fn release_claim(&self, request: Request<ReleaseClaimRequest>) -> Result<Response<ReleaseClaimResponse>> {
        let ReleaseClaimRequest { claim, upload_id, keep_files } = request.into_inner();
        let only = (upload_id != 0).then_some(UploadId(upload_id));
        if keep_files {
            self.0.unclaim(&claim, only).await?;
        } else {
            self.0.release(&claim, only).await?;
        }
        Ok(Response::new(ReleaseClaimResponse {}))
    }
}

pub fn message(upload: Upload) -> pb::Upload {
    pb::Upload {
        id: upload.id.0,
        content_type: upload.content_type,
        size_bytes: upload.metadata.size_bytes as i64,
        sha256: upload.metadata.sha256,
        duration_seconds: upload.metadata.duration_seconds,
        width: upload.metadata.width,
        height: upload.metadata.height,
    }
}
