//! Forgetting a deleted user: their videos with all files, and what was kept
//! about them.

use std::time::Duration;

use fenz_chassis::{Error, Result, UserId};
use fenz_events::{Eraser, Portion};

use super::App;
use crate::store::{channels, errands, history, idempotency, sweeps, videos};

/// Videos removed before the word is given that it goes on.
const PORTION: u64 = 20;
/// How long, and how often, is looked whether media was told of every file.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

#[async_trait::async_trait]
impl Eraser for App {
    async fn erase(&self, user: UserId) -> Result<Portion> {
        let mut removed = self.erase_videos(user).await?;
        if removed > 0 {
            return Ok(Portion { removed, done: false });
        }
        removed += idempotency::forget_of_owner(&self.db, user).await?;
        removed += history::clear(&self.db, user).await?;
        removed += history::forget_setting(&self.db, user).await?;
        self.files_gone(user).await?;
        // A request that was on its way may have stored a video until now.
        if !videos::ids_of_owner(&self.db, user, 1).await?.is_empty() {
            return Ok(Portion { removed, done: false });
        }
        sweeps::forget_channel(&self.db, user.0).await?;
        removed += channels::forget_of_owner(&self.db, user).await?;
        // A replica may have been storing what was watched beside all this.
        removed += history::clear(&self.db, user).await?;
        Ok(Portion { removed, done: true })
    }
}

impl App {
    /// How many were removed; their files go by errand.
    async fn erase_videos(&self, user: UserId) -> Result<u64> {
        let ids = videos::ids_of_owner(&self.db, user, PORTION).await?;
        for id in &ids {
            let erase = self.outbox.transact(|txn| async move {
                match videos::lock_in_txn(&*txn, *id).await? {
                    Some(video) => self.delete_in_txn(&txn, &video).await,
                    None => Ok(()),
                }
            });
            erase.await?;
            self.hot.forget(*id);
        }
        if !ids.is_empty() {
            self.errands.wake();
        }
        Ok(ids.len() as u64)
    }

    /// Waits a while until media was told of everything.
    async fn files_gone(&self, user: UserId) -> Result<()> {
        errands::hurry_intents_of_owner(&self.db, user, self.clock.now()).await?;
        self.errands.wake();
        for _ in 0..LOOKS {
            if !errands::any_of_owner(&self.db, user).await? {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        let reason = anyhow::anyhow!("media is still to be told of files of user {user}");
        Err(Error::unavailable("media", reason))
    }
}
