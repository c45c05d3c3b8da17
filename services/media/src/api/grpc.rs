//! `fenzvideo.media.v1.UploadService`.

use fenz_chassis::require_user;
use fenz_contract::media::v1::{
    self as pb, GetUploadRequest, GetUploadResponse, ReleaseReservationRequest, ReleaseReservationResponse,
    ReserveUploadRequest, ReserveUploadResponse, UploadServiceHandler, upload_use::Object,
};
use fenz_core::{ChannelId, Error, Reason, Result, UserId, VideoId};
use tonic::{Request, Response};

use crate::{
    app::{Media, Wanted},
    domain::{
        upload::{Kind, Upload, UploadId},
        upload_use::UploadUse,
    },
};

pub struct Uploads(pub Media);

impl UploadServiceHandler for Uploads {
    async fn get_upload(&self, request: Request<GetUploadRequest>) -> Result<Response<GetUploadResponse>> {
        let owner = require_user(&request)?.id;
        let upload = self.0.upload_of(UploadId(request.into_inner().id), owner).await?;
        Ok(Response::new(GetUploadResponse { upload: Some(message(upload)) }))
    }

    async fn reserve_upload(&self, request: Request<ReserveUploadRequest>) -> Result<Response<ReserveUploadResponse>> {
        let ReserveUploadRequest { upload_id, owner_id, kind, used_by, reservation_id } = request.into_inner();
        let kind = Kind::parse(&kind).ok_or_else(|| Error::field(Reason::InvalidParams, "kind", "is unknown"))?;
        let used_by = match used_by.and_then(|used_by| used_by.object) {
            Some(Object::VideoId(id)) => UploadUse::Video(VideoId(id)),
            Some(Object::UserId(id)) => UploadUse::User(UserId(id)),
            Some(Object::ChannelId(id)) => UploadUse::Channel(ChannelId(id)),
            None => return Err(Error::field(Reason::InvalidParams, "usedBy", "names no object")),
        };
        let (upload, owner) = (UploadId(upload_id), UserId(owner_id));
        let reserved = self.0.reserve(Wanted { upload, owner, kind, used_by, reservation: reservation_id }).await?;
        Ok(Response::new(ReserveUploadResponse {
            upload: Some(message(reserved.upload)),
            poster_upload_id: reserved.poster.map_or(0, |id| id.0),
            reserved_for_seconds: i32::try_from(reserved.reserved_for.as_secs()).unwrap_or(i32::MAX),
        }))
    }

    async fn release_reservation(
        &self,
        request: Request<ReleaseReservationRequest>,
    ) -> Result<Response<ReleaseReservationResponse>> {
        self.0.release(request.into_inner().reservation_id).await?;
        Ok(Response::new(ReleaseReservationResponse {}))
    }
}

pub fn message(upload: Upload) -> pb::Upload {
    let (status, failure) = upload.status.columns();
    pb::Upload {
        id: upload.id.0,
        content_type: upload.content_type,
        size_bytes: upload.metadata.size_bytes as i64,
        sha256: upload.metadata.sha256,
        duration_seconds: upload.metadata.duration_seconds,
        width: upload.metadata.width,
        height: upload.metadata.height,
        status: status.to_owned(),
        reason: Some(failure).filter(|failure| !failure.is_empty()).map(str::to_owned),
    }
}
