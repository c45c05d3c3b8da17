//! The use cases, one file each.

mod catalog;
mod cleanup;
mod erase;
mod fee;
mod get;
mod list;
mod moderate;
mod own_channel;
mod striped_mutex;
mod subscribe;
mod sync_user;
mod update;

use std::sync::Arc;

use fenz_chassis::{Platform, media_url::MediaUrls, uploads::Uploads};
use fenz_core::{Clock, Error, Reason, Result, UserId};
use fenz_events::{ErasureRunner, Outbox};
use fenz_jobs::Jobs;
use sea_orm::DatabaseConnection;

pub use cleanup::CleanUpChannel;
pub use get::ChannelView;
pub use list::Subscriber;
pub use moderate::Moderation;
pub use update::Edit;

use crate::{
    Config,
    domain::{Channel, UploadId},
    store::channels,
};
use striped_mutex::StripedMutex;

/// The use cases' dependencies. Clones share them.
#[derive(Clone)]
pub struct App {
    db: DatabaseConnection,
    clock: Clock,
    config: Arc<Config>,
    uploads: Uploads,
    urls: MediaUrls,
    channel_locks: StripedMutex,
    outbox: Outbox,
    pub(crate) erasures: ErasureRunner,
    pub(crate) jobs: Jobs,
}

impl App {
    pub fn new(
        platform: &Platform,
        db: DatabaseConnection,
        urls: MediaUrls,
        config: Config,
        outbox: Outbox,
    ) -> anyhow::Result<Self> {
        platform.peers.require("media")?;
        Ok(Self {
            erasures: ErasureRunner::new(platform, &outbox),
            jobs: Jobs::new(platform, &db),
            uploads: Uploads::new(platform)?,
            clock: platform.clock.clone(),
            config: Arc::new(config),
            urls,
            channel_locks: StripedMutex::default(),
            outbox,
            db,
        })
    }

    /// The signed path of a picture; empty without one. It is the same for a day
    /// and valid for a week, so that clients can cache the picture.
    pub fn picture_url(&self, upload: Option<UploadId>) -> String {
        const DAY: i64 = 24 * 3600;
        let expires = ((self.clock.unix() + 7 * DAY) / DAY + 1) * DAY;
        upload.map(|upload| self.urls.sign(upload, expires)).unwrap_or_default()
    }

    /// # Errors
    /// `CHANNEL_NOT_FOUND` if the owner has no channel.
    async fn own_channel(&self, owner: UserId) -> Result<Channel> {
        channels::find_by_owner(&self.db, owner).await?.ok_or_else(channel_not_found)
    }
}

fn account_deleted() -> Error {
    Error::new(Reason::Unauthenticated, "this account is deleted")
}

fn channel_not_found() -> Error {
    Error::new(Reason::ChannelNotFound, "there is no such channel")
}
