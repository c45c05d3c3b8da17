//! The use cases, one file each.

mod claim_upload;
mod erase;
mod parts;
mod play;
mod receive_upload;
mod release_claim;
mod remove;
mod sight;
mod sweep;
mod turns;

use std::sync::Arc;

use fenz_chassis::{Clock, Error, IdMaker, store::ObjectStore};
use fenz_events::Erasures;
use moka::future::Cache;
use sea_orm::DatabaseConnection;

use crate::{
    config::Config,
    domain::upload::{Upload, UploadId},
    probe::Prober,
};

pub use receive_upload::{Announcement, Chunks, too_large};
pub use sight::Standings;
pub use turns::Turns;

/// What the use cases work with. Cheap to clone.
#[derive(Clone)]
pub struct Media {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub ids: IdMaker,
    pub db: DatabaseConnection,
    pub store: ObjectStore,
    pub prober: Prober,
    pub turns: Turns,
    /// Files that are being played.
    pub playing: Cache<UploadId, Arc<Upload>>,
    /// Which of them may be played.
    pub standings: Standings,
    pub erasures: Erasures,
}

/// A failure of the object store, as callers see it.
fn store_failed(error: fenz_chassis::store::Error) -> Error {
    use fenz_chassis::store::Error as Store;
    match error {
        Store::Unreachable(_) | Store::Refused(500..) => Error::unavailable("the object store", error),
        Store::NotFound | Store::Refused(_) | Store::Settings(_) => Error::internal(error),
    }
}
