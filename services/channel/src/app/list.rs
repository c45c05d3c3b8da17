//! Lists of memberships, from either side.

use fenz_chassis::{Result, UserId};

use super::App;
use crate::{
    domain::{Channel, Membership, page::Page},
    store::{
        memberships,
        user_names::{self, Names},
    },
};

/// A member of a channel.
#[derive(Clone, Debug)]
pub struct Subscriber {
    pub membership: Membership,
    /// Empty until auth's word has come.
    pub names: Names,
}

impl App {
    /// A page's place, if it is not too deep.
    pub fn page(&self, number: Option<i32>, size: Option<i32>) -> Result<Page> {
        Page::of(number, size, self.config.max_page_depth)
    }

    /// The channels that a user belongs to, and how many there are.
    pub async fn subscriptions(&self, user: UserId, page: Page) -> Result<(Vec<(Membership, Channel)>, u64)> {
        Ok(memberships::of_user(&self.db, user, page).await?)
    }

    /// Who belongs to an owner's channel, and how many there are.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND` when they have none.
    pub async fn subscribers(&self, owner: UserId, page: Page) -> Result<(Vec<Subscriber>, i64)> {
        let channel = self.own_channel(owner).await?;
        let members = memberships::of_channel(&self.db, &channel, page).await?;
        let users: Vec<_> = members.iter().map(|m| m.user).collect();
        let mut names = user_names::of(&self.db, &users).await?;
        let subscribers = members.into_iter().map(|membership| {
            let names = names.remove(&membership.user).unwrap_or_default();
            Subscriber { membership, names }
        });
        Ok((subscribers.collect(), channel.counts.subscribers))
    }
}
