//! Erases a user: tag choices, settings, and the projection of their videos and
//! channels, here and in Redis.

use fenz_core::{Result, UserId};
use fenz_database::transact;
use fenz_events::{Batch, UserDataEraser};

use super::App;
use crate::{
    domain::{Channel, Video, Viewer},
    store::{channels, tag_choices, videos, viewers},
};

/// Videos per call.
const BATCH_SIZE: u64 = 500;
/// The version of these tombstones: no late event is newer.
const LAST_VERSION: i64 = i64::MAX;

pub struct UserEraser(pub App);

#[async_trait::async_trait]
impl UserDataEraser for UserEraser {
    async fn erase(&self, user: UserId) -> Result<Batch> {
        let app = &self.0;
        let (removed, done) = transact(&app.db, |txn| async move {
            let now = app.clock.now();
            app.wake_after(&txn);
            let ids = videos::find_by_owner(&*txn, user, BATCH_SIZE).await?;
            let done = (ids.len() as u64) < BATCH_SIZE;
            let mut removed = ids.len() as u64;
            if !ids.is_empty() {
                let tombstones: Vec<Video> = ids.into_iter().map(|id| Video::tombstone(id, LAST_VERSION)).collect();
                videos::upsert_newer_in_txn(&*txn, &tombstones, now).await?;
            }
            for id in channels::find_by_owner(&*txn, user).await? {
                channels::upsert_newer_in_txn(&*txn, &Channel::tombstone(id, UserId(0), LAST_VERSION), now).await?;
                removed += 1;
            }
            removed += tag_choices::erase_in_txn(&*txn, user).await?;
            removed += viewers::erase_in_txn(&*txn, user).await?;
            Ok((removed, done))
        })
        .await?;
        app.preferences.invalidate(&Viewer::User(user)).await;
        if removed > 0 || !done {
            return Ok(Batch { removed, done: false });
        }
        // The report must wait until the caches are clean: an unavailable Redis
        // delays it, and the eviction queue keeps what is left to do.
        app.memory_sync.catch_up().await?;
        app.redis_sync.drain().await?;
        Ok(Batch { removed: 0, done: true })
    }
}
