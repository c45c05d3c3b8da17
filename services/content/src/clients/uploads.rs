//! Client of the media service's uploads.

use fenz_chassis::{peers::PeerChannel, status};
use fenz_contract::media::v1::{ClaimUploadRequest, ReleaseClaimRequest, upload_service_client::UploadServiceClient};
use fenz_core::{Error, Reason, Result, UserId};

use crate::domain::{UploadId, Video, VideoId};

#[derive(Clone)]
pub struct Uploads {
    client: UploadServiceClient<PeerChannel>,
}

/// The use of an upload.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Video,
    Thumbnail,
}

/// Metadata of an upload that was claimed.
#[derive(Clone, Copy, Debug)]
pub struct ClaimedUpload {
    pub duration_seconds: i32,
    pub width: i32,
    pub height: i32,
    /// The frame that media extracted from a video.
    pub poster: Option<UploadId>,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Thumbnail => "image",
        }
    }

    /// The request field with the upload's id.
    fn field(self) -> &'static str {
        match self {
            Self::Video => "videoUploadId",
            Self::Thumbnail => "thumbnailUploadId",
        }
    }

    /// For an upload that does not exist or is another user's.
    pub fn not_found(self) -> Error {
        Error::field(Reason::UploadNotFound, self.field(), "names no upload of yours")
    }
}

impl Uploads {
    pub fn new(media: PeerChannel) -> Self {
        Self { client: UploadServiceClient::new(media) }
    }

    /// Claims an owner's upload for a video. Idempotent.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND`, `UPLOAD_ALREADY_USED` and media's other errors, each on
    /// the request field with the upload's id; `UNAVAILABLE`.
    pub async fn claim(&self, kind: Kind, upload: UploadId, owner: UserId, video: VideoId) -> Result<ClaimedUpload> {
        let request = ClaimUploadRequest {
            upload_id: upload.0,
            owner_id: owner.0,
            kind: kind.name().to_owned(),
            claim: Video::claim_name(video),
        };
        let reply = self.client.clone().claim_upload(request).await;
        let reply = reply.map_err(|status| on_field(kind, status::into_error(status)))?;
        let reply = reply.into_inner();
        let upload = reply.upload.unwrap_or_default();
        Ok(ClaimedUpload {
            duration_seconds: upload.duration_seconds,
            width: upload.width,
            height: upload.height,
            poster: Some(reply.poster_upload_id).filter(|id| *id != 0).map(UploadId),
        })
    }

    /// Releases the claim of a video on one upload, or on all. Idempotent.
    pub async fn release(&self, video: VideoId, upload: Option<UploadId>, keep_files: bool) -> Result<()> {
        let upload_id = upload.map_or(0, |u| u.0);
        let request = ReleaseClaimRequest { claim: Video::claim_name(video), upload_id, keep_files };
        self.client.clone().release_claim(request).await.map_err(status::into_error)?;
        Ok(())
    }
}

fn on_field(kind: Kind, error: Error) -> Error {
    match error.reason {
        Reason::UploadNotFound => kind.not_found(),
        Reason::UploadAlreadyUsed => Error::field(error.reason, kind.field(), "names an upload that is in use already"),
        Reason::UnsupportedFormat | Reason::InvalidParams => {
            Error::field(error.reason, kind.field(), format!("names an upload that does not fit: {}", error.message))
        }
        _ => error,
    }
}
