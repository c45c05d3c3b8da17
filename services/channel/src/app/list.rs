//! Lists of memberships, from either side.

use fenz_core::{Error, Result, UserId};
use fenz_database::snapshot;

use super::{App, channel_not_found};
use crate::{
    domain::{Channel, Membership, UserNames, page::Page},
    store::{channels, memberships, user_names},
};

/// A member of a channel.
#[derive(Clone, Debug)]
pub struct Subscriber {
    pub membership: Membership,
    /// Empty until auth's event is consumed.
    pub names: UserNames,
}

impl App {
    /// # Errors
    /// `INVALID_PARAMS` for a page that does not exist or is too deep.
    pub fn page(&self, number: Option<i32>, size: Option<i32>) -> Result<Page> {
        Page::of(number, size, self.config.max_page_depth)
    }

    /// The channels that a user is a member of, and their total.
    pub async fn subscriptions(&self, user: UserId, page: Page) -> Result<(Vec<(Membership, Channel)>, u64)> {
        Ok(memberships::list_by_user(&self.db, user, page).await?)
    }

    /// The members of an owner's channel, and their total.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND` if they have no channel.
    pub async fn subscribers(&self, owner: UserId, page: Page) -> Result<(Vec<Subscriber>, i64)> {
        let (channel, members) = snapshot(&self.db, |txn| async move {
            let channel = channels::find_by_owner(&*txn, owner).await?.ok_or_else(channel_not_found)?;
            let members = memberships::list_by_channel(&*txn, &channel, page).await?;
            Ok::<_, Error>((channel, members))
        })
        .await?;
        let users: Vec<_> = members.iter().map(|m| m.user).collect();
        let mut names = user_names::find_many(&self.db, &users).await?;
        let subscribers = members.into_iter().map(|membership| {
            let names = names.remove(&membership.user).unwrap_or_default();
            Subscriber { membership, names }
        });
        Ok((subscribers.collect(), channel.counts.subscribers))
    }
}
