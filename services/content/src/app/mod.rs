//! The use cases, a file each.

mod cascades;
mod catalog;
mod categories;
mod channel_cache;
mod channels;
mod create;
mod delete;
mod erase;
mod events;
mod get;
mod history;
mod import;
mod list;
mod moderate;
mod publish;
mod update;
mod video_cache;
mod video_urls;
mod views;

use std::{sync::Arc, time::Duration};

use fenz_cache::Redis;
use fenz_chassis::{Platform, media_url::MediaUrls, uploads::Uploads};
use fenz_core::{ChannelId, Clock, Error, IdGenerator, Reason, Result, TagId, UserId};
use fenz_events::{ErasureRunner, Outbox};
use fenz_jobs::Jobs;
use sea_orm::DatabaseConnection;

pub use cascades::RunCascades;
pub use categories::CategoryEdit;
pub use create::NewVideo;
pub use get::WatchRequest;
pub use import::{Import, field as field_of_import};
pub use list::ListedVideo;
pub use publish::PublishVideo;
pub use update::Edit;
pub use video_cache::CachedVideo;
pub use views::Visitor;

use crate::{
    Config,
    clients::{Memberships, Tags},
    domain::{ChannelState, Video, VideoId},
    store::idempotency,
};
use channel_cache::ChannelCache;
use history::HistoryBuffer;
use list::PageCache;
use video_cache::VideoCache;
use video_urls::VideoUrls;
use views::ViewCounts;

/// The dependencies of the use cases. Clones share them.
#[derive(Clone)]
pub struct App {
    pub(crate) db: DatabaseConnection,
    outbox: Outbox,
    clock: Clock,
    ids: IdGenerator,
    pub(crate) config: Arc<Config>,
    /// A request that began before this has ended.
    longest_request: Duration,
    uploads: Uploads,
    memberships: Memberships,
    tags: Tags,
    urls: VideoUrls,
    pub(crate) views: Arc<ViewCounts>,
    history: Arc<HistoryBuffer>,
    cache: Arc<VideoCache>,
    pages: PageCache,
    channels: ChannelCache,
    pub(crate) erasures: ErasureRunner,
    pub(crate) jobs: Jobs,
}

const KEY_TTL: Duration = Duration::from_secs(24 * 3600);

impl App {
    pub fn new(
        platform: &Platform,
        db: DatabaseConnection,
        media_urls: MediaUrls,
        redis: Option<Redis>,
        config: Config,
        outbox: Outbox,
    ) -> anyhow::Result<Self> {
        let (clock, ids) = (platform.clock.clone(), platform.ids.clone());
        platform.peers.require("media")?;
        let uploads = Uploads::new(platform)?;
        let urls = VideoUrls::new(media_urls, clock.clone(), &config);
        let views = ViewCounts::new(db.clone(), outbox.clone(), clock.clone(), ids.clone(), redis);
        let channels = ChannelCache::default();
        let cache = VideoCache::new(&config.cache, db.clone(), views.buffer.clone(), urls.clone(), channels.clone());
        Ok(Self {
            erasures: ErasureRunner::new(platform, &outbox),
            jobs: Jobs::new(platform, &db),
            outbox,
            ids,
            memberships: Memberships::new(platform.peers.find("channel")?, config.membership_ttl),
            tags: Tags::new(platform.peers.find("recommendation")?),
            config: Arc::new(config),
            longest_request: 2 * platform.settings.server.request_timeout,
            cache: Arc::new(cache),
            pages: PageCache::default(),
            db,
            clock,
            uploads,
            urls,
            views: Arc::new(views),
            history: Arc::default(),
            channels,
        })
    }

    pub async fn prune_idempotency_keys(&self) -> Result<()> {
        idempotency::delete_older(&self.db, self.clock.ago(KEY_TTL)).await?;
        Ok(())
    }

    /// To be called when a replica has changed a video.
    pub fn invalidate_video(&self, id: VideoId) {
        self.cache.invalidate(id);
    }

    /// To be called with the broadcast state of a channel.
    pub fn update_channel(&self, state: ChannelState) {
        self.channels.update(state);
        self.cache.invalidate_channel(state.id);
    }

    pub fn invalidate_membership(&self, user: UserId, channel: ChannelId) {
        self.memberships.invalidate(user, channel);
    }

    pub fn invalidate_tag(&self, tag: TagId) {
        self.tags.invalidate(tag);
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
