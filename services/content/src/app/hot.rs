//! Videos that are watched right now, in memory: a read of one asks no
//! database. At most a second old, and dropped when this process changes the
//! video.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use fenz_chassis::Result;
use moka::sync::Cache;
use sea_orm::DatabaseConnection;

use super::{Links, ViewBuffer, views::Counter};
use crate::{
    config::CacheConfig,
    domain::{Video, VideoId, Views, if_match},
    store::videos,
};

/// A video, with what every reader of it is told.
pub struct HotVideo {
    pub video: Video,
    pub playback_url: String,
    pub thumbnail_url: String,
    pub etag: String,
    pub(super) counter: Arc<Counter>,
    /// How many of the counted views were in the video when it was read.
    included: Views,
}

impl HotVideo {
    /// The views, with those that are not stored yet.
    pub fn views(&self) -> Views {
        self.video.views + self.counter.counted() - self.included
    }
}

pub struct HotVideos {
    slots: Cache<VideoId, Arc<Slot>>,
    ttl: Duration,
    db: DatabaseConnection,
    views: Arc<ViewBuffer>,
    links: Links,
}

/// The place of one video.
#[derive(Default)]
struct Slot {
    current: RwLock<Option<Fresh>>,
    /// Held while the video is read, so that many readers ask once and a change
    /// cannot be overtaken by what was read before it.
    loading: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Fresh {
    until: Instant,
    /// None: there is no such video.
    video: Option<Arc<HotVideo>>,
}

impl Slot {
    fn fresh(&self) -> Option<Fresh> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|fresh| Instant::now() < fresh.until).cloned()
    }

    fn set(&self, fresh: Option<Fresh>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }
}

impl HotVideos {
    pub fn new(config: &CacheConfig, db: DatabaseConnection, views: Arc<ViewBuffer>, links: Links) -> Self {
        let slots = Cache::builder().max_capacity(config.max_entries).build();
        Self { slots, ttl: config.ttl, db, views, links }
    }

    /// A video, if there is such a one.
    pub async fn get(&self, id: VideoId) -> Result<Option<Arc<HotVideo>>> {
        let slot = match self.slots.get(&id) {
            Some(slot) => slot,
            None => self.slots.get_with(id, Arc::default),
        };
        if let Some(fresh) = slot.fresh() {
            return Ok(fresh.video);
        }
        let _loading = slot.loading.lock().await;
        // Another reader may have asked meanwhile.
        if let Some(fresh) = slot.fresh() {
            return Ok(fresh.video);
        }
        let video = self.load(id).await?.map(Arc::new);
        slot.set(Some(Fresh { until: Instant::now() + self.ttl, video: video.clone() }));
        Ok(video)
    }

    async fn load(&self, id: VideoId) -> Result<Option<HotVideo>> {
        let counter = self.views.counter(id);
        let (video, included) = {
            let stored = counter.stored().await;
            (videos::find(&self.db, id).await?, *stored)
        };
        let Some(video) = video else { return Ok(None) };
        Ok(Some(HotVideo {
            playback_url: self.links.playback(&video),
            thumbnail_url: self.links.thumbnail(&video),
            etag: if_match::etag(video.version),
            video,
            counter,
            included,
        }))
    }

    /// Drops a video that has changed. To be called after the commit.
    pub async fn forget(&self, id: VideoId) {
        let Some(slot) = self.slots.get(&id) else { return };
        let _loading = slot.loading.lock().await;
        slot.set(None);
    }
}
