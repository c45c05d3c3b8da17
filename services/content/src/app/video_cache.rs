//! Recently watched videos, in memory. An entry is invalidated when this process
//! changes the video or another broadcasts a change, and expires in any case.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use fenz_core::{ChannelId, Result};
use moka::sync::Cache;
use sea_orm::DatabaseConnection;

use super::{
    VideoUrls,
    channel_cache::ChannelCache,
    video_urls::audience,
    views::{Counter, ViewBuffer},
};
use crate::{
    config::CacheConfig,
    domain::{
        Video, VideoId, Views,
        access::{VideoAccess, is_public},
        if_match,
    },
    store::{channels, videos},
};

/// A video with what every response about it contains.
pub struct CachedVideo {
    pub video: Video,
    /// Its channel is hidden or deleted.
    pub channel_hidden: bool,
    /// Signed for insiders when the video is not public; none without media.
    pub playback_url: Option<String>,
    pub thumbnail_url: String,
    pub etag: String,
    pub(super) counter: Arc<Counter>,
    /// The views in `counter` that `video.views` already includes.
    included: Views,
}

impl CachedVideo {
    /// The stored views plus those not flushed yet.
    pub fn views(&self) -> Views {
        self.video.views + self.counter.counted() - self.included
    }

    pub fn access(&self) -> VideoAccess {
        VideoAccess::new(&self.video, self.channel_hidden)
    }
}

pub struct VideoCache {
    entries: Cache<VideoId, Arc<Entry>>,
    ttl: Duration,
    db: DatabaseConnection,
    views: Arc<ViewBuffer>,
    urls: VideoUrls,
    channels: ChannelCache,
    changes: AtomicU64,
}

#[derive(Default)]
struct Entry {
    value: RwLock<Option<Value>>,
    /// Held while the video is loaded, so that concurrent readers load it once.
    loading: tokio::sync::Mutex<()>,
    /// Incremented by each invalidation: a value loaded before it is not stored.
    generation: AtomicU64,
}

#[derive(Clone)]
struct Value {
    expires_at: Instant,
    /// None: there is no such video.
    video: Option<Arc<CachedVideo>>,
}

impl Entry {
    fn get(&self) -> Option<Value> {
        let value = self.value.read().unwrap_or_else(PoisonError::into_inner);
        value.as_ref().filter(|value| Instant::now() < value.expires_at).cloned()
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Stores what was loaded, unless the entry was invalidated since `generation`.
    fn set(&self, generation: u64, new: Value) {
        let mut value = self.value.write().unwrap_or_else(PoisonError::into_inner);
        if self.generation() == generation {
            *value = Some(new);
        }
    }

    fn invalidate(&self) {
        let mut value = self.value.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::SeqCst);
        *value = None;
    }

    /// Whether it holds, or may be loading, a video of the channel.
    fn may_belong_to(&self, channel: ChannelId) -> bool {
        let value = self.value.read().unwrap_or_else(PoisonError::into_inner);
        match &*value {
            Some(Value { video: Some(cached), .. }) => cached.video.channel_id == channel,
            Some(Value { video: None, .. }) => false,
            None => true,
        }
    }
}

impl VideoCache {
    pub fn new(
        config: &CacheConfig,
        db: DatabaseConnection,
        views: Arc<ViewBuffer>,
        urls: VideoUrls,
        channels: ChannelCache,
    ) -> Self {
        let entries = Cache::builder().max_capacity(config.max_entries).build();
        Self { entries, ttl: config.ttl, db, views, urls, channels, changes: AtomicU64::new(0) }
    }

    /// A video, from the database where it is not cached.
    pub async fn get(&self, id: VideoId) -> Result<Option<Arc<CachedVideo>>> {
        let entry = match self.entries.get(&id) {
            Some(entry) => entry,
            None => self.entries.get_with(id, Arc::default),
        };
        if let Some(value) = entry.get() {
            return Ok(value.video);
        }
        let _loading = entry.loading.lock().await;
        // Another reader may have loaded it meanwhile.
        if let Some(value) = entry.get() {
            return Ok(value.video);
        }
        let generation = entry.generation();
        let video = self.load(id).await?.map(Arc::new);
        entry.set(generation, Value { expires_at: Instant::now() + self.ttl, video: video.clone() });
        Ok(video)
    }

    async fn load(&self, id: VideoId) -> Result<Option<CachedVideo>> {
        let counter = self.views.counter(id);
        let (video, included) = {
            let stored = counter.stored().await;
            (videos::find(&self.db, id).await?, *stored)
        };
        let Some(video) = video else { return Ok(None) };
        let channel = channels::find(&self.db, video.channel_id).await?;
        let channel_hidden = self.channels.is_hidden(video.channel_id, channel);
        let audience = audience(is_public(VideoAccess::new(&video, channel_hidden)));
        Ok(Some(CachedVideo {
            playback_url: self.urls.playback(&video, audience),
            thumbnail_url: self.urls.thumbnail(&video, audience),
            etag: if_match::etag(video.version),
            channel_hidden,
            video,
            counter,
            included,
        }))
    }

    /// The number of invalidations so far.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Invalidates a video. To be called after the commit.
    pub fn invalidate(&self, id: VideoId) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        if let Some(entry) = self.entries.get(&id) {
            entry.invalidate();
        }
    }

    /// Invalidates the videos of a channel.
    pub fn invalidate_channel(&self, channel: ChannelId) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        for (_, entry) in &self.entries {
            if entry.may_belong_to(channel) {
                entry.invalidate();
            }
        }
    }
}
