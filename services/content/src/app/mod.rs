//! What the service does, a file for each use case.

mod catalog;
mod categories;
mod channels;
mod create;
mod delete;
mod erase;
mod errands;
mod events;
mod get;
mod history;
mod hot;
mod import;
mod links;
mod list;
mod moderate;
mod overheard;
mod publish;
mod sweeps;
mod update;
mod views;

use std::sync::Arc;

use fenz_chassis::{Clock, Error, IdMaker, Platform, Reason, Result, UserId};
use fenz_events::{Erasures, Outbox};
use sea_orm::DatabaseConnection;

pub use categories::CategoryEdit;
pub use create::NewVideo;
pub use get::Watch;
pub use hot::HotVideo;
pub use import::{Import, field as field_of_import};
pub use list::Listed;
pub use update::Edit;
pub use views::Visitor;

use crate::{
    Config,
    clients::{Memberships, Tags, Uploads},
    domain::{ChannelState, Video, VideoId},
    store::idempotency,
};
use errands::Errands;
use history::WatchNotes;
use hot::HotVideos;
use links::Links;
use list::Pages;
use overheard::OverheardChannels;
use sweeps::Sweeps;
use views::ViewCounts;

/// What the use cases work with. Clones share all of it.
#[derive(Clone)]
pub struct App {
    db: DatabaseConnection,
    outbox: Outbox,
    clock: Clock,
    ids: IdMaker,
    pub(crate) config: Arc<Config>,
    uploads: Uploads,
    memberships: Memberships,
    tags: Tags,
    links: Links,
    pub(crate) views: Arc<ViewCounts>,
    history: Arc<WatchNotes>,
    hot: Arc<HotVideos>,
    pages: Pages,
    overheard: OverheardChannels,
    pub(crate) errands: Errands,
    pub(crate) erasures: Erasures,
    pub(crate) sweeps: Sweeps,
}

/// How long an idempotency key is kept.
const KEYS_KEPT: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

impl App {
    pub async fn new(platform: &Platform, config: Config) -> anyhow::Result<Self> {
        let (db, clock, ids) = (platform.db()?, platform.clock.clone(), platform.ids.clone());
        let outbox = Outbox::start(platform).await?;
        let uploads = Uploads::new(platform.peers.require("media")?);
        let links = Links::new(platform.media_urls()?, clock.clone(), &config);
        let views = ViewCounts::new(db.clone(), outbox.clone(), clock.clone(), ids.clone(), platform.redis());
        let overheard = OverheardChannels::default();
        let hot = HotVideos::new(&config.cache, db.clone(), views.buffer.clone(), links.clone(), overheard.clone());
        Ok(Self {
            erasures: Erasures::new(platform, &outbox)?,
            outbox,
            ids,
            memberships: Memberships::new(platform.peers.find("channel")?, config.membership_ttl),
            tags: Tags::new(platform.peers.find("recommendation")?),
            errands: Errands::new(db.clone(), clock.clone(), uploads.clone()),
            config: Arc::new(config),
            hot: Arc::new(hot),
            pages: Pages::default(),
            db,
            clock,
            uploads,
            links,
            views: Arc::new(views),
            history: Arc::default(),
            overheard,
            sweeps: Sweeps::default(),
        })
    }

    /// Forgets idempotency keys whose time is over.
    pub async fn forget_old_keys(&self) -> Result<()> {
        idempotency::forget_older(&self.db, self.clock.ago(KEYS_KEPT)).await?;
        Ok(())
    }

    /// A video has changed somewhere.
    pub fn forget_video(&self, id: VideoId) {
        self.hot.forget(id);
    }

    /// A channel has changed somewhere.
    pub fn hear_of_channel(&self, state: ChannelState) {
        self.overheard.hear(state);
        self.hot.forget_channel(state.id);
    }

    /// A membership has changed.
    pub fn forget_membership(&self, user: UserId, channel: i64) {
        self.memberships.forget(user, channel);
    }

    /// A tag is gone.
    pub fn forget_tag(&self, tag: i64) {
        self.tags.forget(tag);
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
