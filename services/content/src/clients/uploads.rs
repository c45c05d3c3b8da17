//! Uploads, which media keeps.

use fenz_chassis::{Error, Reason, Result, UserId, peers::PeerChannel};
use fenz_contract::media::v1::{ClaimUploadRequest, ReleaseClaimRequest, upload_service_client::UploadServiceClient};

use crate::domain::{UploadId, Video, VideoId};

/// The media service.
#[derive(Clone)]
pub struct Uploads {
    client: UploadServiceClient<PeerChannel>,
}

/// What an upload is wanted for.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Video,
    Thumbnail,
}

/// What is known of an upload that was taken into use.
#[derive(Clone, Copy, Debug)]
pub struct Claimed {
    pub duration_seconds: i32,
    pub width: i32,
    pub height: i32,
    /// The frame taken of a video.
    pub poster: Option<UploadId>,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Thumbnail => "image",
        }
    }

    /// The field of a request that names such an upload.
    fn field(self) -> &'static str {
        match self {
            Self::Video => "videoUploadId",
            Self::Thumbnail => "thumbnailUploadId",
        }
    }

    /// The refusal of an upload that is not there, or not the caller's.
    pub fn not_found(self) -> Error {
        Error::field(Reason::UploadNotFound, self.field(), "names no upload of yours")
    }
}

impl Uploads {
    pub fn new(media: PeerChannel) -> Self {
        Self { client: UploadServiceClient::new(media) }
    }

    /// Takes an owner's upload into use for a video. Can be repeated.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND`, `UPLOAD_ALREADY_USED` and what else media refuses,
    /// each on the field that named the upload; `UNAVAILABLE`.
    pub async fn claim(&self, kind: Kind, upload: UploadId, owner: UserId, video: VideoId) -> Result<Claimed> {
        let request = ClaimUploadRequest {
            upload_id: upload.0,
            owner_id: owner.0,
            kind: kind.name().to_owned(),
            claim: Video::claim(video),
        };
        let reply = self.client.clone().claim_upload(request).await.map_err(|status| on_field(kind, status.into()))?;
        let reply = reply.into_inner();
        let upload = reply.upload.unwrap_or_default();
        Ok(Claimed {
            duration_seconds: upload.duration_seconds,
            width: upload.width,
            height: upload.height,
            poster: Some(reply.poster_upload_id).filter(|id| *id != 0).map(UploadId),
        })
    }

    /// Ends the claim of a video on one upload, or on all. Can be repeated.
    pub async fn release(&self, video: VideoId, upload: Option<UploadId>, keep_files: bool) -> Result<()> {
        let upload_id = upload.map_or(0, |u| u.0);
        let request = ReleaseClaimRequest { claim: Video::claim(video), upload_id, keep_files };
        self.client.clone().release_claim(request).await?;
        Ok(())
    }
}

fn on_field(kind: Kind, error: Error) -> Error {
    match error.reason {
        Reason::UploadNotFound => kind.not_found(),
        Reason::UploadAlreadyUsed => Error::field(error.reason, kind.field(), "names an upload that is in use already"),
        Reason::UnsupportedFormat | Reason::InvalidParams => {
            Error::field(error.reason, kind.field(), format!("names an upload that does not fit: {}", error.message()))
        }
        _ => error,
    }
}
