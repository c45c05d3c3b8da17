//! How each viewer's feed is made, cached for a second.

use std::{sync::Arc, time::Duration};

use fenz_core::{Error, Reason, Result, User};
use moka::future::Cache;
use sea_orm::DatabaseConnection;

use super::{App, read_limiter::ReadLimiter};
use crate::{
    domain::{TagId, Viewer},
    store::{tag_choices, viewers},
};

/// How long other replicas may use what was set before.
const TTL: Duration = Duration::from_secs(1);
const MAX_ENTRIES: u64 = 50_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedPreferences {
    pub tags: Vec<TagId>,
    /// False for guests: only users have a watch history.
    pub watched_last: bool,
}

pub struct PreferenceCache {
    db: DatabaseConnection,
    limiter: Arc<ReadLimiter>,
    entries: Cache<Viewer, Arc<FeedPreferences>>,
}

impl PreferenceCache {
    pub fn new(db: DatabaseConnection, limiter: Arc<ReadLimiter>) -> Self {
        let entries = Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(TTL).build();
        Self { db, limiter, entries }
    }

    pub async fn get(&self, viewer: &Viewer) -> Result<Arc<FeedPreferences>> {
        if *viewer == Viewer::Anonymous {
            return Ok(Arc::default());
        }
        let read = self.entries.try_get_with_by_ref(viewer, self.read(viewer)).await;
        read.map_err(|error| Error::new(error.reason, error.message.clone()))
    }

    async fn read(&self, viewer: &Viewer) -> Result<Arc<FeedPreferences>> {
        let _permit = self.limiter.acquire().await?;
        let tags = tag_choices::find(&self.db, viewer).await?.into_iter().map(|tag| tag.id).collect();
        let watched_last = match viewer {
            Viewer::User(user) => viewers::watched_last(&self.db, *user).await?,
            _ => false,
        };
        Ok(Arc::new(FeedPreferences { tags, watched_last }))
    }

    pub async fn invalidate(&self, viewer: &Viewer) {
        self.entries.invalidate(viewer).await;
    }
}

impl App {
    /// Whether a user's recently watched videos come last.
    pub async fn watched_last(&self, user: &User) -> Result<bool> {
        Ok(viewers::watched_last(&self.db, user.id).await?)
    }

    pub async fn set_watched_last(&self, user: &User, watched_last: bool) -> Result<()> {
        let id = user.id;
        let set = fenz_database::transact(&self.db, |txn| async move {
            if self.erasures.is_erased(&*txn, id).await? {
                return Err(Error::new(Reason::UserNotFound, "this account is gone"));
            }
            Ok(viewers::set_watched_last(&*txn, id, watched_last).await?)
        });
        set.await?;
        self.preferences.invalidate(&Viewer::User(id)).await;
        Ok(())
    }
}
