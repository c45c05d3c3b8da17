//! Lists of videos.

use std::{sync::Arc, time::Duration};

use fenz_chassis::{Error, Result, UserId};
use moka::future::Cache;

use super::App;
use crate::{
    domain::{
        Video,
        access::{Facts, is_public},
        page::Page,
    },
    store::{
        channels,
        listing::{self, Filter},
    },
};

/// A video in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    pub video: Video,
    /// Its channel is hidden or deleted.
    pub channel_withholds: bool,
    /// A path; empty where there is no picture.
    pub thumbnail_url: String,
}

/// A page of everybody's videos, and how many there are.
#[derive(Debug)]
pub struct Listing {
    pub videos: Vec<Listed>,
    pub total: u64,
}

/// How long a page is good that another replica has changed meanwhile.
const PAGES_FOR: Duration = Duration::from_millis(500);
/// What pages may take in memory, about.
const PAGES_BYTES: u64 = 16 << 20;
/// A video without its texts.
const VIDEO_BYTES: usize = 300;

/// Pages that everybody asks for, in memory for a moment: many readers cost one
/// read. By how many changes of videos this process knew of, so that one that
/// is read during a change is not kept for after it.
#[derive(Clone)]
pub(super) struct Pages(Cache<(u64, Filter, Page), Arc<Listing>>);

impl Default for Pages {
    fn default() -> Self {
        let pages = Cache::builder()
            .max_capacity(PAGES_BYTES)
            .weigher(|_, page: &Arc<Listing>| page.bytes().try_into().unwrap_or(u32::MAX))
            .time_to_live(PAGES_FOR);
        Self(pages.build())
    }
}

impl Listing {
    fn bytes(&self) -> usize {
        let texts = |listed: &Listed| listed.video.title.len() + listed.video.description.len();
        VIDEO_BYTES + self.videos.iter().map(|listed| VIDEO_BYTES + texts(listed)).sum::<usize>()
    }
}

impl App {
    /// A page's place, if it is not too deep.
    pub fn page(&self, number: Option<i32>, size: Option<i32>) -> Result<Page> {
        Page::of(number, size, self.config.max_page_depth)
    }

    /// Public videos.
    pub async fn list(&self, filter: Filter, page: Page) -> Result<Arc<Listing>> {
        let key = (self.hot.changes(), filter, page);
        let read = async { self.read_list(&key.1, page).await.map(Arc::new) };
        let listing = self.pages.0.try_get_with_by_ref(&key, read).await;
        listing.map_err(|error| Error::new(error.reason, error.message()))
    }

    async fn read_list(&self, filter: &Filter, page: Page) -> Result<Listing> {
        let (videos, total) = listing::public(&self.db, filter, page).await?;
        Ok(Listing { videos: videos.into_iter().map(|video| self.listed(video, false)).collect(), total })
    }

    /// Public videos of the channels that somebody belongs to.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the channel service does not answer.
    pub async fn list_subscribed(&self, user: UserId, page: Page) -> Result<Listing> {
        let channels = self.memberships.channels_of(user).await?;
        if channels.is_empty() {
            return Ok(Listing { videos: Vec::new(), total: 0 });
        }
        self.read_list(&Filter { channels: Some(channels), ..Filter::default() }, page).await
    }

    /// An owner's own videos, and how many there are.
    pub async fn list_own(&self, owner: UserId, page: Page) -> Result<(Vec<Listed>, u64)> {
        let (videos, total) = listing::of_owner(&self.db, owner, page).await?;
        Ok((self.with_channels(videos).await?, total))
    }

    /// Videos for those who may see what is withheld from others.
    pub(super) async fn with_channels(&self, videos: Vec<Video>) -> Result<Vec<Listed>> {
        let ids = videos.iter().map(|video| video.channel_id).collect();
        let withholding = channels::withholding(&self.db, ids).await?;
        let listed = videos.into_iter().map(|video| {
            let withholds = withholding.contains(&video.channel_id);
            self.listed(video, withholds)
        });
        Ok(listed.collect())
    }

    fn listed(&self, video: Video, channel_withholds: bool) -> Listed {
        let audience = self.links.audience(is_public(Facts::of(&video, channel_withholds)));
        Listed { thumbnail_url: self.links.thumbnail(&video, audience), channel_withholds, video }
    }
}
