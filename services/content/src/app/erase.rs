//! Erasing the data of a deleted user: videos with their files, history, channels.

use std::time::Duration;

use fenz_core::{ChannelId, Error, Result, UserId};
use fenz_events::{Batch, UserDataEraser};

use super::App;
use crate::store::{cascades, channels, history, idempotency, pending_calls, videos};

/// Videos deleted per call of the eraser.
const BATCH_SIZE: u64 = 20;
/// Polls for the completion of pending calls.
const POLLS: u32 = 20;
const POLL_INTERVAL: Duration = Duration::from_millis(50);

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
        self.await_releases(user).await?;
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
    /// The number of deleted videos. Their files are released by pending calls.
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
        if !ids.is_empty() {
            self.pending_calls.notify();
        }
        Ok(ids.len() as u64)
    }

    /// Runs the owner's pending calls and waits a limited time for them.
    async fn await_releases(&self, user: UserId) -> Result<()> {
        pending_calls::expedite_intents_of_owner(&self.db, user, self.clock.now()).await?;
        self.pending_calls.notify();
        for _ in 0..POLLS {
            if !pending_calls::any_of_owner(&self.db, user).await? {
                return Ok(());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        let reason = anyhow::anyhow!("uploads of user {user} are not released yet");
        Err(Error::unavailable("media", reason))
    }
}
