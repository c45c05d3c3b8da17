//! Uploads of the media service, as an object of this service uses them.
//!
//! No transaction spans two databases. So an upload is reserved first; then one
//! transaction stores its id in the object and emits the object's event, which
//! confirms the reservation. When the transaction fails, the reservation is released;
//! when the process dies, media asks after a while whether the object has the upload.

use std::time::{Duration, Instant};

use anyhow::Result as Setup;
pub use fenz_contract::media::v1::upload_use::Object;
use fenz_contract::media::v1::{
    ReleaseReservationRequest, ReserveUploadRequest, Upload, UploadUse, upload_service_client::UploadServiceClient,
};
use fenz_core::{Error, IdGenerator, Reason, Result, UploadId, UserId};

use crate::{Platform, peers::PeerChannel, status};

/// What kind of file an object wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Video,
    Image,
}

/// An upload that an object is about to use.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    pub upload: UploadId,
    /// Who must have uploaded it.
    pub owner: UserId,
    pub kind: FileKind,
    pub object: Object,
    /// The request's field with the upload's id, for errors.
    pub field: &'a str,
}

/// What media knows of a reserved upload.
#[derive(Clone, Debug, Default)]
pub struct Reserved {
    pub upload: Upload,
    /// The frame that media took from a video.
    pub poster: Option<UploadId>,
}

/// The reservation of one request, which may cover several uploads.
#[derive(Debug)]
pub struct Reservation {
    id: i64,
    /// None while it covers nothing.
    deadline: Option<Instant>,
}

impl Reservation {
    /// For the transaction that stores the object: media may free the uploads later.
    ///
    /// # Errors
    /// `UNAVAILABLE` when too much time has passed.
    pub fn check(&self) -> Result<()> {
        match self.deadline {
            Some(deadline) if Instant::now() > deadline => {
                Err(Error::unavailable("the upload", anyhow::anyhow!("its reservation is nearly over")))
            }
            _ => Ok(()),
        }
    }
}

/// Reserves uploads.
#[derive(Clone)]
pub struct Uploads {
    /// None: no address is set.
    client: Option<UploadServiceClient<PeerChannel>>,
    ids: IdGenerator,
}

impl Uploads {
    /// # Errors
    /// When the address of media is no address.
    pub fn new(platform: &Platform) -> Setup<Self> {
        Ok(Self { client: platform.peers.find("media")?.map(UploadServiceClient::new), ids: platform.ids.clone() })
    }

    /// A reservation of nothing yet.
    pub fn begin(&self) -> Reservation {
        Reservation { id: self.ids.next(), deadline: None }
    }

    /// Adds an upload to a reservation. A failure releases the others.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND` also for somebody else's, `UPLOAD_ALREADY_USED`,
    /// `UNSUPPORTED_FORMAT`, each on the field; `UNAVAILABLE`.
    pub async fn reserve(&self, reservation: &mut Reservation, wanted: Wanted<'_>) -> Result<Reserved> {
        let Some(client) = self.client.clone() else {
            return Err(Error::unavailable("the media service", anyhow::anyhow!("FENZ_PEERS__MEDIA is not set")));
        };
        let reserved = reserve(client.clone(), reservation, wanted).await;
        if reserved.is_err() {
            // Also without an answer: it may have been reserved.
            release(client, reservation.id).await;
            reservation.deadline = None;
        }
        reserved
    }

    /// Releases a reservation whose object was not stored, unless it covers nothing.
    /// Best effort: media asks when its time is over.
    pub async fn release(&self, reservation: Reservation) {
        if let (Some(client), Some(_)) = (self.client.clone(), reservation.deadline) {
            release(client, reservation.id).await;
        }
    }
}

async fn reserve(
    mut client: UploadServiceClient<PeerChannel>,
    reservation: &mut Reservation,
    wanted: Wanted<'_>,
) -> Result<Reserved> {
    let request = ReserveUploadRequest {
        upload_id: wanted.upload.0,
        owner_id: wanted.owner.0,
        kind: match wanted.kind {
            FileKind::Video => "video".to_owned(),
            FileKind::Image => "image".to_owned(),
        },
        used_by: Some(UploadUse { object: Some(wanted.object) }),
        reservation_id: reservation.id,
    };
    let asked = Instant::now();
    let reply = client.reserve_upload(request).await;
    let reply = reply.map_err(|status| on_field(wanted.field, status::into_error(status)))?.into_inner();
    let reserved_for = Duration::from_secs(u64::from(reply.reserved_for_seconds.max(0).cast_unsigned()));
    let deadline = asked + reserved_for / 2;
    reservation.deadline = Some(reservation.deadline.map_or(deadline, |earlier| earlier.min(deadline)));
    Ok(Reserved {
        upload: reply.upload.unwrap_or_default(),
        poster: Some(reply.poster_upload_id).filter(|id| *id != 0).map(UploadId),
    })
}

async fn release(mut client: UploadServiceClient<PeerChannel>, reservation_id: i64) {
    if let Err(status) = client.release_reservation(ReleaseReservationRequest { reservation_id }).await {
        tracing::info!(%status, reservation.id = %reservation_id, "a reservation was not released; its time ends");
    }
}

fn on_field(field: &str, error: Error) -> Error {
    match error.reason {
        Reason::UploadNotFound => Error::field(error.reason, field, "names no upload of yours"),
        Reason::UploadAlreadyUsed => Error::field(error.reason, field, "names an upload that is in use already"),
        Reason::UnsupportedFormat | Reason::InvalidParams => {
            Error::field(error.reason, field, format!("names an upload that does not fit: {}", error.message))
        }
        _ => error,
    }
}
