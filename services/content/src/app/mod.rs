//! What the service does, a file for each use case.

mod create;
mod delete;
mod errands;
mod events;
mod get;
mod hot;
mod list;
mod publish;
mod update;
mod views;

use std::sync::Arc;

use fenz_chassis::{Clock, Error, IdMaker, Platform, Reason, Result, UserId, media_url::MediaUrls};
use fenz_events::Outbox;
use sea_orm::DatabaseConnection;

pub use create::NewVideo;
pub use get::Watch;
pub use hot::HotVideo;
pub use update::Edit;
pub use views::Visitor;

use crate::{
    Config,
    clients::{Memberships, Uploads},
    domain::Video,
    store::{
        categories::{self, Category},
        idempotency,
    },
};
use errands::Errands;
use hot::HotVideos;
use views::ViewBuffer;

/// What the use cases work with. Clones share all of it.
#[derive(Clone)]
pub struct App {
    db: DatabaseConnection,
    outbox: Outbox,
    clock: Clock,
    ids: IdMaker,
    config: Arc<Config>,
    uploads: Uploads,
    memberships: Memberships,
    links: Links,
    pub(crate) views: Arc<ViewBuffer>,
    hot: Arc<HotVideos>,
    pub(crate) errands: Errands,
}

/// Makes the paths that play and show a video.
#[derive(Clone)]
struct Links {
    urls: MediaUrls,
    clock: Clock,
    playback_ttl: i64,
}

const DAY: i64 = 24 * 3600;
/// How long a picture's path is good, at least.
const PICTURE_TTL: i64 = 7 * DAY;
/// How long an idempotency key is kept.
const KEYS_KEPT: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

impl Links {
    fn playback(&self, video: &Video) -> String {
        self.urls.sign(video.upload.0, self.clock.unix() + self.playback_ttl)
    }

    /// The same text for a whole day, so that browsers can keep the picture.
    fn thumbnail(&self, video: &Video) -> String {
        let Some(thumbnail) = video.thumbnail else { return String::new() };
        let earliest = self.clock.unix() + PICTURE_TTL;
        self.urls.sign(thumbnail.0, (earliest + DAY - 1) / DAY * DAY)
    }
}

impl App {
    pub async fn new(platform: &Platform, config: Config) -> anyhow::Result<Self> {
        let (db, clock) = (platform.db()?, platform.clock.clone());
        let uploads = Uploads::new(platform.peers.require("media")?);
        let playback_ttl = config.playback_ttl.as_secs() as i64;
        let links = Links { urls: platform.media_urls()?, clock: clock.clone(), playback_ttl };
        let views = Arc::new(ViewBuffer::default());
        let hot = HotVideos::new(&config.cache, db.clone(), views.clone(), links.clone());
        Ok(Self {
            outbox: Outbox::start(platform).await?,
            ids: platform.ids.clone(),
            memberships: Memberships::new(platform.peers.find("channel")?, config.membership_ttl),
            errands: Errands::new(db.clone(), clock.clone(), uploads.clone()),
            config: Arc::new(config),
            hot: Arc::new(hot),
            db,
            clock,
            uploads,
            links,
            views,
        })
    }

    /// The path of a video's picture; empty where it has none.
    pub fn thumbnail_url(&self, video: &Video) -> String {
        self.links.thumbnail(video)
    }

    pub async fn categories(&self) -> Result<Vec<Category>> {
        Ok(categories::all(&self.db).await?)
    }

    /// Stores the views that are in memory.
    pub async fn flush_views(&self) -> Result<()> {
        self.views.flush(&self.db).await
    }

    /// Forgets idempotency keys whose time is over.
    pub async fn forget_old_keys(&self) -> Result<()> {
        idempotency::forget_older(&self.db, self.clock.ago(KEYS_KEPT)).await?;
        Ok(())
    }
}

fn video_not_found() -> Error {
    Error::new(Reason::VideoNotFound, "there is no such video")
}

/// Only the owner changes a video, whatever the caller's role.
fn require_owner(video: &Video, caller: UserId) -> Result<()> {
    if video.owner == caller {
        return Ok(());
    }
    Err(Error::new(Reason::PermissionDenied, "this video is somebody else's"))
}

fn require_cooled_down(video: &Video, config: &Config, clock: &Clock) -> Result<()> {
    match video.cooldown_left(config.edit_cooldown, clock.now()) {
        None => Ok(()),
        Some(left) => {
            let message = "a new video can be edited and deleted only after a while";
            Err(Error::new(Reason::EditCooldown, message).retry_after(left))
        }
    }
}
