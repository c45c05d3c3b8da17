//! Lists of videos.

use fenz_chassis::{Result, UserId};

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

impl App {
    /// A page's place, if it is not too deep.
    pub fn page(&self, number: Option<i32>, size: Option<i32>) -> Result<Page> {
        Page::of(number, size, self.config.max_page_depth)
    }

    /// Public videos, and how many there are.
    pub async fn list(&self, filter: &Filter, page: Page) -> Result<(Vec<Listed>, u64)> {
        let (videos, total) = listing::public(&self.db, filter, page).await?;
        Ok((videos.into_iter().map(|video| self.listed(video, false)).collect(), total))
    }

    /// Public videos of the channels that somebody belongs to.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the channel service does not answer.
    pub async fn list_subscribed(&self, user: UserId, page: Page) -> Result<(Vec<Listed>, u64)> {
        let channels = self.memberships.channels_of(user).await?;
        if channels.is_empty() {
            return Ok((Vec::new(), 0));
        }
        self.list(&Filter { channels: Some(channels), ..Filter::default() }, page).await
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
