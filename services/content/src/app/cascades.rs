//! Cascades of a deletion to videos: those of a deleted channel are deleted, those of
//! a deleted category or tag lose it. Each video has a transaction of its own, so a
//! cascade can be interrupted and resumed anywhere.

use std::time::Duration;

use chrono::{DateTime, Utc};
use fenz_core::Result;
use fenz_database::{Txn, transact};
use fenz_jobs::{Job, Options};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::App;
use crate::{
    domain::{CategoryId, ChannelId, TagId, Video, VideoId, changes::Changes},
    store::{
        cascades::{self, Cascade, Kind},
        videos,
    },
};

/// Videos per query.
const BATCH_SIZE: u64 = 50;
/// How long a run of the job works at most; another does the rest.
const RUN: Duration = Duration::from_secs(300);

/// Runs all cascades that are not finished.
#[derive(Debug, Serialize, Deserialize)]
pub struct RunCascades {}

impl Job for RunCascades {
    const KIND: &'static str = "video.cascade";
    const CONCURRENCY: usize = 1;
    const TIMEOUT: Duration = Duration::from_secs(600);
}

impl App {
    /// Schedules a cascade in the transaction of the deletion; the job begins at a time.
    pub(super) async fn cascade_in_txn(&self, txn: &Txn, cascade: &Cascade, at: DateTime<Utc>) -> Result<()> {
        cascades::schedule_in_txn(txn.as_ref(), cascade).await?;
        self.jobs.enqueue_in_txn(txn, &RunCascades {}, Options::key(&"all").at(at)).await
    }

    /// Runs all cascades, and later again those for which a request in flight may still
    /// store a video.
    pub async fn run_cascades(&self) -> Result<()> {
        let end = Instant::now() + RUN;
        let (mut next, mut problem) = (None, None);
        for cascade in cascades::all(&self.db).await? {
            match self.run_cascade_until(&cascade, end).await {
                Ok(true) if self.clock.now() >= cascade.keep_until => cascades::finish(&self.db, &cascade).await?,
                Ok(true) => next = next.or(Some(cascade.keep_until)),
                Ok(false) => next = Some(self.clock.now()),
                // The others do not wait for it.
                Err(error) => problem = Some(error),
            }
        }
        if let Some(error) = problem {
            return Err(error);
        }
        let Some(at) = next else { return Ok(()) };
        let again = Options::key(&"all").at(at);
        transact(&self.db, |txn| {
            let again = again.clone();
            async move { self.jobs.enqueue_in_txn(&txn, &RunCascades {}, again).await }
        })
        .await
    }

    /// Whether no video is left.
    pub(super) async fn run_cascade_until(&self, cascade: &Cascade, end: Instant) -> Result<bool> {
        while Instant::now() < end {
            if !self.run_cascade_batch(cascade).await? {
                return Ok(true);
            }
        }
        Ok(false)
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
        self.store_change_in_txn(txn, &before, &after).await
    }

    /// Schedules the removal of a deleted tag from all videos.
    pub async fn tag_deleted_in_txn(&self, txn: &Txn, tag: TagId) -> Result<()> {
        let keep_until = self.clock.after(self.longest_request);
        let cascade = Cascade { kind: Kind::Tag, subject: tag.0, made_before: keep_until, keep_until };
        self.cascade_in_txn(txn, &cascade, self.clock.now()).await
    }
}
