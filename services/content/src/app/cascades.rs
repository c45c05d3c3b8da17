//! Cascades of a deletion to videos: those of a deleted channel are deleted, those of
//! a deleted category or tag lose it. Each video has a transaction of its own, so a
//! cascade can be interrupted and resumed anywhere.

use std::time::Duration;

use fenz_core::Result;
use fenz_database::Txn;
use fenz_events::Lease;
use tokio::time::Instant;

use super::App;
use crate::{
    domain::{CategoryId, ChannelId, TagId, Video, VideoId, changes::Changes},
    store::{
        cascades::{self, Cascade, Kind},
        videos,
    },
};

/// Videos between two renewals of the lease.
const BATCH_SIZE: u64 = 50;

impl App {
    /// Runs all scheduled cascades, unless another replica holds the lease.
    pub async fn run_cascades(&self, lease: &Lease) -> Result<()> {
        for cascade in cascades::all(&self.db).await? {
            while lease.hold().await? {
                if !self.run_cascade_batch(&cascade).await? {
                    if self.clock.now() >= cascade.keep_until {
                        cascades::finish(&self.db, &cascade).await?;
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Runs a cascade until it is done or the timeout is over; the job does the rest.
    pub(super) async fn run_cascade_for(&self, cascade: &Cascade, timeout: Duration) -> Result<()> {
        let end = Instant::now() + timeout;
        while Instant::now() < end && self.run_cascade_batch(cascade).await? {}
        Ok(())
    }

    /// False when no video was left.
    async fn run_cascade_batch(&self, cascade: &Cascade) -> Result<bool> {
        let ids = match cascade.kind {
            Kind::Channel => {
                let channel = ChannelId(cascade.subject);
                videos::ids_of_channel(&self.db, channel, cascade.made_before, BATCH_SIZE).await?
            }
            Kind::Category => videos::ids_of_category(&self.db, CategoryId(cascade.subject), BATCH_SIZE).await?,
            Kind::Tag => videos::ids_of_tag(&self.db, TagId(cascade.subject), BATCH_SIZE).await?,
        };
        for id in &ids {
            self.cascade_to_video(cascade, *id).await?;
        }
        Ok(!ids.is_empty())
    }

    async fn cascade_to_video(&self, cascade: &Cascade, id: VideoId) -> Result<()> {
        let changed = self.outbox.transact(|txn| async move {
            let Some(video) = videos::lock_in_txn(&*txn, id).await? else {
                // Deletes its tags too, which the next batch would find again.
                return Ok(videos::delete_in_txn(&*txn, id).await?);
            };
            let (category, tag) = (CategoryId(cascade.subject), TagId(cascade.subject));
            match cascade.kind {
                Kind::Channel if video.channel_id.0 == cascade.subject && video.created_at < cascade.made_before => {
                    self.delete_in_txn(&txn, &video).await
                }
                Kind::Category if video.category == Some(category) => {
                    self.change_in_txn(&txn, video, Changes { category: Some(None), ..Changes::default() }).await
                }
                Kind::Tag if video.tags.contains(&tag) => {
                    let tags = video.tags.iter().copied().filter(|t| *t != tag).collect();
                    self.change_in_txn(&txn, video, Changes { tags: Some(tags), ..Changes::default() }).await
                }
                _ => Ok(()),
            }
        });
        changed.await?;
        self.cache.invalidate(id);
        Ok(())
    }

    /// Applies changes, and publishes them where there are any.
    pub(super) async fn change_in_txn(&self, txn: &Txn, before: Video, changes: Changes) -> Result<()> {
        let after = changes.apply(before.clone(), self.clock.now());
        if after.version == before.version {
            return Ok(());
        }
        videos::update_in_txn(txn.as_ref(), &after).await?;
        self.emit_changed_in_txn(txn, Some(&before), &after).await
    }

    /// Schedules the removal of a deleted tag from all videos.
    pub async fn tag_deleted_in_txn(&self, txn: &Txn, tag: TagId) -> Result<()> {
        let keep_until = self.clock.after(self.longest_request);
        let cascade = Cascade { kind: Kind::Tag, subject: tag.0, made_before: keep_until, keep_until };
        cascades::schedule_in_txn(txn.as_ref(), &cascade).await?;
        self.cascade_scheduled.notify_one();
        Ok(())
    }
}
