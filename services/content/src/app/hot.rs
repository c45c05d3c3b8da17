//! Videos that are watched right now, in memory: a read of one asks no
//! database. Dropped when this process changes the video and when another tells
//! that it did, and in any case after a moment.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use fenz_chassis::Result;
use moka::sync::Cache;
use sea_orm::DatabaseConnection;

use super::{
    Links,
    overheard::OverheardChannels,
    views::{Counter, ViewBuffer},
};
use crate::{
    config::CacheConfig,
    domain::{
        Video, VideoId, Views,
        access::{Facts, is_public},
        if_match,
    },
    store::{channels, videos},
};

/// A video, with what every reader of it is told.
pub struct HotVideo {
    pub video: Video,
    /// Its channel is hidden or deleted.
    pub channel_withholds: bool,
    /// Made for insiders where nobody else may see the video; none where there
    /// is nothing to play.
    pub playback_url: Option<String>,
    pub thumbnail_url: String,
    pub etag: String,
    pub(super) counter: Arc<Counter>,
    /// How many of the counted views were in the video when it was read.
    included: Views,
}

impl HotVideo {
    /// The views, with those that are in memory.
    pub fn views(&self) -> Views {
        self.video.views + self.counter.counted() - self.included
    }

    pub fn facts(&self) -> Facts {
        Facts::of(&self.video, self.channel_withholds)
    }
}

pub struct HotVideos {
    slots: Cache<VideoId, Arc<Slot>>,
    ttl: Duration,
    db: DatabaseConnection,
    views: Arc<ViewBuffer>,
    links: Links,
    channels: OverheardChannels,
    changes: AtomicU64,
}

/// The place of one video.
#[derive(Default)]
struct Slot {
    current: RwLock<Option<Fresh>>,
    /// Held while the video is read, so that many readers ask once.
    loading: tokio::sync::Mutex<()>,
    /// Grows with each change of the video: what was read before it is not kept.
    generation: AtomicU64,
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

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Keeps what was read in a generation, if it is still that one.
    fn keep(&self, generation: u64, fresh: Fresh) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if self.generation() == generation {
            *current = Some(fresh);
        }
    }

    fn clear(&self) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::SeqCst);
        *current = None;
    }

    /// Whether it has a video of another channel.
    fn is_of_another(&self, channel: i64) -> bool {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        match &*current {
            Some(Fresh { video: Some(hot), .. }) => hot.video.channel_id != channel,
            Some(Fresh { video: None, .. }) => true,
            // It may be in the middle of being read.
            None => false,
        }
    }
}

impl HotVideos {
    pub fn new(
        config: &CacheConfig,
        db: DatabaseConnection,
        views: Arc<ViewBuffer>,
        links: Links,
        channels: OverheardChannels,
    ) -> Self {
        let slots = Cache::builder().max_capacity(config.max_entries).build();
        Self { slots, ttl: config.ttl, db, views, links, channels, changes: AtomicU64::new(0) }
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
        let generation = slot.generation();
        let video = self.load(id).await?.map(Arc::new);
        slot.keep(generation, Fresh { until: Instant::now() + self.ttl, video: video.clone() });
        Ok(video)
    }

    async fn load(&self, id: VideoId) -> Result<Option<HotVideo>> {
        let counter = self.views.counter(id);
        let (video, included) = {
            let stored = counter.stored().await;
            (videos::find(&self.db, id).await?, *stored)
        };
        let Some(video) = video else { return Ok(None) };
        let known = channels::find(&self.db, video.channel_id).await?;
        let channel_withholds = self.channels.withholds(video.channel_id, known);
        let audience = self.links.audience(is_public(Facts::of(&video, channel_withholds)));
        Ok(Some(HotVideo {
            playback_url: self.links.playback(&video, audience),
            thumbnail_url: self.links.thumbnail(&video, audience),
            etag: if_match::etag(video.version),
            channel_withholds,
            video,
            counter,
            included,
        }))
    }

    /// How many changes of videos this process has made or heard of.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Drops a video that has changed. To be called after the commit.
    pub fn forget(&self, id: VideoId) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        if let Some(slot) = self.slots.get(&id) {
            slot.clear();
        }
    }

    /// Drops the videos of a channel that has changed.
    pub fn forget_channel(&self, channel: i64) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        for (_, slot) in &self.slots {
            if !slot.is_of_another(channel) {
                slot.clear();
            }
        }
    }
}
