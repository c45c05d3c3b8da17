//! The use cases, one file each.

mod erase;
mod heartbeat;
mod object_writer;
mod play;
mod playback_access;
mod process;
mod remove;
mod reserve_upload;
mod store_file;
mod sweep;
mod upload_limiter;

use std::sync::Arc;

use fenz_core::{Clock, Error, IdGenerator};
use fenz_events::{ErasureRunner, Outbox};
use fenz_jobs::Jobs;
use fenz_object_store::ObjectStore;
use moka::future::Cache;
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

use crate::{
    clients::Owners,
    config::Config,
    domain::upload::{Upload, UploadId},
    probe::Prober,
};

pub use playback_access::PlaybackStatusCache;
pub use process::ProcessVideo;
pub use remove::DeleteFiles;
pub use reserve_upload::{SettleReservation, Wanted};
pub use store_file::{Chunks, UploadRequest, too_large};
pub use upload_limiter::UploadLimiter;

/// The use cases' dependencies. Clones share them.
#[derive(Clone)]
pub struct Media {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub ids: IdGenerator,
    pub db: DatabaseConnection,
    pub store: ObjectStore,
    pub prober: Prober,
    pub upload_limiter: UploadLimiter,
    /// Recently played uploads.
    pub uploads: Cache<UploadId, Arc<Upload>>,
    pub playback_statuses: PlaybackStatusCache,
    pub erasures: ErasureRunner,
    pub outbox: Outbox,
    pub jobs: Jobs,
    /// A video was processed in this process.
    pub processed: Arc<Notify>,
    pub owners: Owners,
}

/// Maps a failure of the object store to an error for callers.
fn store_failed(error: fenz_object_store::Error) -> Error {
    use fenz_object_store::Error as Store;
    match error {
        Store::Unavailable(_) | Store::Refused(500..) => Error::unavailable("the object store", error),
        Store::NotFound | Store::Refused(_) | Store::Settings(_) => Error::internal(error),
    }
}
