//! Lists of videos.

use std::{sync::Arc, time::Duration};

use fenz_core::{Error, Result, UserId};
use moka::future::Cache;

use super::{App, video_urls::audience};
use crate::{
    domain::{
        Video, VideoFilter,
        access::{VideoAccess, is_public},
        page::Page,
    },
    store::{channels, listing},
};

/// A video in a list.
#[derive(Clone, Debug)]
pub struct ListedVideo {
    pub video: Video,
    /// Its channel is hidden or deleted.
    pub channel_hidden: bool,
    /// A path; empty without a thumbnail.
    pub thumbnail_url: String,
}

/// A page of public videos, and their total.
#[derive(Debug)]
pub struct VideoPage {
    pub videos: Vec<ListedVideo>,
    pub total: u64,
}

/// The maximum age of a page after a change by another replica.
const PAGE_TTL: Duration = Duration::from_millis(500);
/// Approximate size of the cache in memory.
const CACHE_BYTES: u64 = 16 << 20;
/// Approximate size of a video without its texts.
const VIDEO_BYTES: usize = 300;

/// A short-lived cache of pages of public videos. Its key has the number of changes of
/// videos, so that a page read during a change is not served after it.
#[derive(Clone)]
pub(super) struct PageCache(Cache<(u64, VideoFilter, Page), Arc<VideoPage>>);

impl Default for PageCache {
    fn default() -> Self {
        let pages = Cache::builder()
            .max_capacity(CACHE_BYTES)
            .weigher(|_, page: &Arc<VideoPage>| page.bytes().try_into().unwrap_or(u32::MAX))
            .time_to_live(PAGE_TTL);
        Self(pages.build())
    }
}

impl VideoPage {
    fn bytes(&self) -> usize {
        let texts = |listed: &ListedVideo| listed.video.title.len() + listed.video.description.len();
        VIDEO_BYTES + self.videos.iter().map(|listed| VIDEO_BYTES + texts(listed)).sum::<usize>()
    }
}

impl App {
    /// Decodes page parameters.
    ///
    /// # Errors
    /// `INVALID_PARAMS`.
    pub fn page(&self, number: Option<i32>, size: Option<i32>) -> Result<Page> {
        Page::of(number, size, self.config.max_page_depth)
    }

    /// Public videos.
    pub async fn list(&self, filter: VideoFilter, page: Page) -> Result<Arc<VideoPage>> {
        let key = (self.cache.changes(), filter, page);
        let read = async { self.read_list(&key.1, page).await.map(Arc::new) };
        let listed = self.pages.0.try_get_with_by_ref(&key, read).await;
        listed.map_err(|error| Error::new(error.reason, error.message.clone()))
    }

    async fn read_list(&self, filter: &VideoFilter, page: Page) -> Result<VideoPage> {
        let (videos, total) = listing::public(&self.db, filter, page).await?;
        Ok(VideoPage { videos: videos.into_iter().map(|video| self.listed(video, false)).collect(), total })
    }

    /// Public videos of the channels of which a user is a member.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the channel service does not answer.
    pub async fn list_subscribed(&self, user: UserId, page: Page) -> Result<VideoPage> {
        let channels = self.memberships.channels_of(user).await?;
        if channels.is_empty() {
            return Ok(VideoPage { videos: Vec::new(), total: 0 });
        }
        self.read_list(&VideoFilter { channels: Some(channels), ..VideoFilter::default() }, page).await
    }

    /// A page of an owner's own videos, and their total.
    pub async fn list_own(&self, owner: UserId, page: Page) -> Result<(Vec<ListedVideo>, u64)> {
        let (videos, total) = listing::of_owner(&self.db, owner, page).await?;
        Ok((self.with_channels(videos).await?, total))
    }

    /// Adds the visibility of their channels to videos.
    pub(super) async fn with_channels(&self, videos: Vec<Video>) -> Result<Vec<ListedVideo>> {
        let ids = videos.iter().map(|video| video.channel_id).collect();
        let hidden = channels::hidden_ids(&self.db, ids).await?;
        let listed = videos.into_iter().map(|video| {
            let channel_hidden = hidden.contains(&video.channel_id);
            self.listed(video, channel_hidden)
        });
        Ok(listed.collect())
    }

    fn listed(&self, video: Video, channel_hidden: bool) -> ListedVideo {
        let audience = audience(is_public(VideoAccess::new(&video, channel_hidden)));
        ListedVideo { thumbnail_url: self.urls.thumbnail(&video, audience), channel_hidden, video }
    }
}
