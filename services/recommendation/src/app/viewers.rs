//! What is known of viewers, for a second in memory.

use std::{sync::Arc, time::Duration};

use fenz_chassis::{Error, Reason, Result, User, UserId};
use moka::future::Cache;
use sea_orm::DatabaseConnection;

use super::{App, gate::Gate};
use crate::{
    domain::{TagId, Viewer},
    store::{preferences, viewers},
};

/// How long another replica may go by what was set before.
const FOR: Duration = Duration::from_secs(1);
const AT_MOST: u64 = 50_000;

/// How a viewer's feed is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taste {
    pub tags: Vec<TagId>,
    /// Only users have a history.
    pub watched_last: bool,
}

pub struct Viewers {
    db: DatabaseConnection,
    gate: Arc<Gate>,
    known: Cache<Viewer, Arc<Taste>>,
}

impl Viewers {
    pub fn new(db: DatabaseConnection, gate: Arc<Gate>) -> Self {
        let known = Cache::builder().max_capacity(AT_MOST).time_to_live(FOR).build();
        Self { db, gate, known }
    }

    pub async fn taste(&self, viewer: &Viewer) -> Result<Arc<Taste>> {
        if *viewer == Viewer::Nobody {
            return Ok(Arc::default());
        }
        let read = self.known.try_get_with_by_ref(viewer, self.read(viewer)).await;
        read.map_err(|error| Error::new(error.reason, error.message()))
    }

    async fn read(&self, viewer: &Viewer) -> Result<Arc<Taste>> {
        let _permit = self.gate.enter().await?;
        let tags = preferences::of(&self.db, viewer).await?.into_iter().map(|tag| tag.id).collect();
        let watched_last = match viewer {
            Viewer::User(user) => viewers::watched_last(&self.db, *user).await?,
            _ => false,
        };
        Ok(Arc::new(Taste { tags, watched_last }))
    }

    /// Something was set.
    pub async fn forget(&self, viewer: &Viewer) {
        self.known.invalidate(viewer).await;
    }
}

impl App {
    /// Whether what a user watched of late comes last.
    pub async fn watched_last(&self, user: &User) -> Result<bool> {
        Ok(viewers::watched_last(&self.db, user.id.0).await?)
    }

    pub async fn set_watched_last(&self, user: &User, watched_last: bool) -> Result<()> {
        let UserId(id) = user.id;
        let set = fenz_chassis::database::transact(&self.db, |txn| async move {
            if self.erasures.is_erased(&*txn, UserId(id)).await? {
                return Err(Error::new(Reason::UserNotFound, "this account is gone"));
            }
            Ok(viewers::set_watched_last(&*txn, id, watched_last).await?)
        });
        set.await?;
        self.viewers.forget(&Viewer::User(id)).await;
        Ok(())
    }
}
