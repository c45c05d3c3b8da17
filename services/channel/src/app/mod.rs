//! What the service does, a file for each use case.

mod catalog;
mod channel_of_user;
mod clearing;
mod erase;
mod errands;
mod fee;
mod get;
mod hide;
mod list;
mod own_channel;
mod subscribe;
mod turns;
mod update;

use std::sync::Arc;

use fenz_chassis::{Clock, Error, Platform, Reason, Result, UserId, media_url::MediaUrls};
use fenz_events::{Erasures, Outbox};
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

pub use get::Seen;
pub use hide::Moderation;
pub use list::Subscriber;
pub use update::Edit;

use crate::{
    Config,
    clients::Uploads,
    domain::{Channel, UploadId},
    store::channels,
};
use errands::Errands;
use turns::Turns;

/// What the use cases work with. Clones share all of it.
#[derive(Clone)]
pub struct App {
    db: DatabaseConnection,
    clock: Clock,
    config: Arc<Config>,
    uploads: Uploads,
    urls: MediaUrls,
    turns: Turns,
    outbox: Outbox,
    pub(crate) erasures: Erasures,
    pub(crate) errands: Errands,
    /// Rings when a channel was deleted.
    pub(crate) clearing: Arc<Notify>,
}

impl App {
    pub fn new(platform: &Platform, config: Config, outbox: Outbox) -> anyhow::Result<Self> {
        let (db, clock) = (platform.db()?, platform.clock.clone());
        let uploads = Uploads::new(platform.peers.require("media")?);
        Ok(Self {
            erasures: Erasures::new(platform, &outbox)?,
            clearing: Arc::default(),
            errands: Errands::new(db.clone(), clock.clone(), uploads.clone()),
            config: Arc::new(config),
            urls: platform.media_urls()?,
            turns: Turns::default(),
            outbox,
            db,
            clock,
            uploads,
        })
    }

    /// The path of a picture; empty without one. It stays the same for a day
    /// and works for a week, so that caches can keep the picture.
    pub fn picture_url(&self, upload: Option<UploadId>) -> String {
        const DAY: i64 = 24 * 3600;
        let expires = ((self.clock.unix() + 7 * DAY) / DAY + 1) * DAY;
        upload.map(|upload| self.urls.sign(upload.0, expires)).unwrap_or_default()
    }

    /// The channel of an owner.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND` when they have none.
    async fn own_channel(&self, owner: UserId) -> Result<Channel> {
        channels::of_owner(&self.db, owner).await?.ok_or_else(channel_not_found)
    }
}

fn account_deleted() -> Error {
    Error::new(Reason::Unauthenticated, "this account is deleted")
}

fn channel_not_found() -> Error {
    Error::new(Reason::ChannelNotFound, "there is no such channel")
}
