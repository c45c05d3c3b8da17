//! Whether an upload may be played now: what hides, unpublishes or deletes its
//! video ends that within the second, whatever a signed address says. Nobody is
//! asked; other services have told.

use std::{sync::Arc, time::Duration};

use fenz_chassis::{Error, Reason, Result, UserId, database::Txn, media_url::Audience};
use fenz_contract::events::v1::{VideoChanged, VideoDeleted};
use moka::future::Cache;

use super::{Media, play::removed};
use crate::{
    domain::{
        standing::{ChannelState, Standing},
        upload::UploadId,
    },
    store::states,
};

/// For how long the database is not asked again.
const FRESH: Duration = Duration::from_millis(250);
/// For how long the last that it said counts while it does not answer.
const REMEMBERED: Duration = Duration::from_secs(60);
const ENTRIES: u64 = 10_000;
/// The word that a video is published, or a channel is there again, may be some
/// moments behind those who were quick to use it.
const MOMENTS: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(250)];

/// How uploads stand, in memory.
#[derive(Clone)]
pub struct Standings {
    fresh: Cache<UploadId, Option<Standing>>,
    remembered: Cache<UploadId, Option<Standing>>,
}

impl Default for Standings {
    fn default() -> Self {
        let lasting = |span| Cache::builder().max_capacity(ENTRIES).time_to_live(span).build();
        Self { fresh: lasting(FRESH), remembered: lasting(REMEMBERED) }
    }
}

impl Media {
    /// Lets an address of this audience play an upload.
    ///
    /// # Errors
    /// `UPLOAD_NOT_FOUND` when it is removed, `VIDEO_NOT_FOUND` when its video
    /// is out of sight.
    pub async fn admit(&self, id: UploadId, audience: Audience) -> Result<()> {
        let mut moments = MOMENTS.into_iter();
        loop {
            let Some(standing) = self.standing(id).await? else {
                self.playing.invalidate(&id).await;
                return Err(removed());
            };
            if standing.is_open_to(audience) {
                return Ok(());
            }
            match moments.next().filter(|_| standing == Standing::OutOfSight) {
                Some(moment) => tokio::time::sleep(moment).await,
                None => return Err(Error::new(Reason::VideoNotFound, "there is no such video")),
            }
        }
    }

    /// Whether a player that has begun may go on.
    pub(super) async fn may_go_on(&self, id: UploadId, audience: Audience) -> bool {
        // Who was let in is not thrown out because the database is away.
        self.standing(id).await.map_or(true, |standing| standing.is_some_and(|s| s.is_open_to(audience)))
    }

    /// How an upload stands; none when it is removed.
    async fn standing(&self, id: UploadId) -> Result<Option<Standing>> {
        let Standings { fresh, remembered } = &self.standings;
        let load = async {
            let standing = states::standing(&self.db, id).await?;
            remembered.insert(id, standing).await;
            Ok::<_, Error>(standing)
        };
        let error = match fresh.try_get_with(id, load).await {
            Ok(standing) => return Ok(standing),
            Err(error) => error,
        };
        remembered.get(&id).await.ok_or_else(|| {
            Arc::try_unwrap(error).unwrap_or_else(|shared| Error::unavailable("the database", anyhow::anyhow!(shared)))
        })
    }

    /// Lets an owner send videos: a deleted channel takes none.
    ///
    /// # Errors
    /// `CHANNEL_NOT_FOUND`.
    pub async fn check_channel(&self, owner: UserId) -> Result<()> {
        let mut moments = MOMENTS.into_iter();
        while states::has_lost_channel(&self.db, owner).await? {
            match moments.next() {
                Some(moment) => tokio::time::sleep(moment).await,
                None => return Err(Error::new(Reason::ChannelNotFound, "your channel is deleted")),
            }
        }
        Ok(())
    }

    /// Keeps how a video stands.
    pub async fn video_changed_in_txn(&self, txn: &Txn, told: &VideoChanged) -> Result<()> {
        if self.erasures.is_erased(&**txn, UserId(told.owner_id)).await? {
            return Ok(());
        }
        Ok(states::video_changed_in_txn(&**txn, told, self.clock.now()).await?)
    }

    /// Keeps that a video is deleted.
    pub async fn video_deleted_in_txn(&self, txn: &Txn, told: &VideoDeleted) -> Result<()> {
        // A channel has its owner's id.
        if self.erasures.is_erased(&**txn, UserId(told.channel_id)).await? {
            return Ok(());
        }
        Ok(states::video_deleted_in_txn(&**txn, told, self.clock.now()).await?)
    }

    /// Keeps how a channel stands.
    pub async fn channel_told_in_txn(
        &self,
        txn: &Txn,
        channel_id: i64,
        owner: UserId,
        state: ChannelState,
        version: i64,
    ) -> Result<()> {
        if self.erasures.is_erased(&**txn, owner).await? {
            return Ok(());
        }
        Ok(states::channel_in_txn(&**txn, channel_id, owner, state, version).await?)
    }
}
