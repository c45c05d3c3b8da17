//! Lists of videos.

use fenz_chassis::{Result, UserId};

use super::App;
use crate::{
    domain::{Video, page::Page},
    store::listing::{self, Filter},
};

impl App {
    /// A page's place, if it is not too deep.
    pub fn page(&self, number: Option<i32>, size: Option<i32>) -> Result<Page> {
        Page::of(number, size, self.config.max_page_depth)
    }

    /// Public videos, and how many there are.
    pub async fn list(&self, filter: &Filter, page: Page) -> Result<(Vec<Video>, u64)> {
        Ok(listing::public(&self.db, filter, page).await?)
    }

    /// Public videos of the channels that somebody belongs to.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the channel service does not answer.
    pub async fn list_subscribed(&self, user: UserId, page: Page) -> Result<(Vec<Video>, u64)> {
        let channels = self.memberships.channels_of(user).await?;
        if channels.is_empty() {
            return Ok((Vec::new(), 0));
        }
        self.list(&Filter { channels: Some(channels), ..Filter::default() }, page).await
    }

    /// An owner's own videos, and how many there are.
    pub async fn list_own(&self, owner: UserId, page: Page) -> Result<(Vec<Video>, u64)> {
        Ok(listing::of_owner(&self.db, owner, page).await?)
    }
}
