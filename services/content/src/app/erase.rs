//! Erasing the data of a deleted user: videos with their files, history, channels.

use fenz_core::{ChannelId, Result, UserId};
use fenz_events::{Batch, UserDataEraser};

use super::App;
use crate::store::{cascades, channels, history, idempotency, videos};

/// Videos deleted per call of the eraser.
const BATCH_SIZE: u64 = 20;

#[async_trait::async_trait]
impl UserDataEraser for App {
    async fn erase(&self, user: UserId) -> Result<Batch> {
        let mut removed = self.erase_videos(user).await?;
        if removed > 0 {
            return Ok(Batch { removed, done: false });
        }
        removed += idempotency::delete_of_owner(&self.db, user).await?;
        removed += history::clear(&self.db, user).await?;
        removed += history::delete_settings(&self.db, user).await?;
        // A request in flight may have stored a video meanwhile.
        if !videos::ids_of_owner(&self.db, user, 1).await?.is_empty() {
            return Ok(Batch { removed, done: false });
        }
        cascades::delete_of_channel(&self.db, ChannelId(user.0)).await?;
        removed += channels::delete_of_owner(&self.db, user).await?;
        // A replica may have flushed history meanwhile.
        removed += history::clear(&self.db, user).await?;
        Ok(Batch { removed, done: true })
    }
}

impl App {
    /// The number of deleted videos. Media deletes their files.
    async fn erase_videos(&self, user: UserId) -> Result<u64> {
        let ids = videos::ids_of_owner(&self.db, user, BATCH_SIZE).await?;
        for id in &ids {
            let erase = self.outbox.transact(|txn| async move {
                match videos::lock_in_txn(&*txn, *id).await? {
                    Some(video) => self.delete_in_txn(&txn, &video).await,
                    None => Ok(()),
                }
            });
            erase.await?;
            self.cache.invalidate(*id);
        }
        Ok(ids.len() as u64)
    }
}
