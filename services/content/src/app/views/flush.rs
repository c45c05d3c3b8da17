//! Adding views to the totals: a batch once, however often it is tried.

use std::collections::BTreeMap;

use chrono::DateTime;
use fenz_chassis::{Clock, Result, database::Txn};
use fenz_contract::events::v1::{VideoViews, ViewsCounted};
use fenz_events::Outbox;

use crate::{
    domain::{VideoId, Views},
    store::views,
};

/// Videos that one event tells of.
const TOLD: usize = 1000;

/// The views of a video in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    pub video: VideoId,
    pub hour: i64,
    pub views: Views,
}

/// What is added in one transaction.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The same in every try.
    pub id: i64,
    pub added: Vec<Added>,
}

impl Batch {
    /// The sum of each video, in the order of their ids.
    pub fn by_video(&self) -> BTreeMap<VideoId, Views> {
        let mut sums: BTreeMap<VideoId, Views> = BTreeMap::new();
        for added in &self.added {
            let sum = sums.entry(added.video).or_default();
            *sum = *sum + added.views;
        }
        sums
    }
}

/// Stores batches.
pub struct Flusher {
    pub outbox: Outbox,
    pub clock: Clock,
}

impl Flusher {
    /// Adds a batch to the totals, unless that was done before, and tells it.
    pub async fn apply(&self, batch: &Batch) -> Result<()> {
        let sums = &batch.by_video();
        let applied = self.outbox.transact(|txn| async move {
            if views::is_flushed(&*txn, batch.id).await? {
                return Ok(());
            }
            views::note_flush_in_txn(&*txn, batch.id, self.clock.now()).await?;
            let mut there = Vec::with_capacity(sums.len());
            for (video, views) in sums {
                if views::add_in_txn(&*txn, *video, *views).await? {
                    there.push(*video);
                }
            }
            let mut hours: BTreeMap<i64, Vec<Added>> = BTreeMap::new();
            for added in batch.added.iter().filter(|added| there.binary_search(&added.video).is_ok()) {
                views::add_hour_in_txn(&*txn, added.video, added.hour, added.views).await?;
                hours.entry(added.hour).or_default().push(*added);
            }
            let totals = views::totals(&*txn, &there).await?;
            for (hour, added) in &hours {
                for added in added.chunks(TOLD) {
                    self.tell_in_txn(&txn, batch.id, *hour, added, |id| totals.get(&id).map_or(0, |v| v.all())).await?;
                }
            }
            Ok(())
        });
        match applied.await {
            // Another replica has just done the same.
            Err(error) if error.is_duplicate() => Ok(()),
            applied => applied,
        }
    }

    async fn tell_in_txn(
        &self,
        txn: &Txn,
        flush_id: i64,
        hour: i64,
        added: &[Added],
        total: impl Fn(VideoId) -> i64,
    ) -> Result<()> {
        let videos = added.iter().map(|added| VideoViews {
            video_id: added.video.0,
            member: added.views.member,
            non_member: added.views.other,
            total: total(added.video),
        });
        let hour = DateTime::from_timestamp(hour * 3600, 0).unwrap_or_default();
        let told = ViewsCounted { flush_id, hour: Some(hour.into()), videos: videos.collect() };
        self.outbox.emit(txn, &told).await
    }
}
