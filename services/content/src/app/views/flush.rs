//! Adds batches of views to the totals, idempotently.

use std::collections::BTreeMap;

use chrono::DateTime;
use fenz_contract::events::v1::{VideoViews, ViewsCounted};
use fenz_core::{Clock, Result};
use fenz_database::{Txn, is_duplicate};
use fenz_events::Outbox;

use crate::{
    domain::{VideoId, Views},
    store::views,
};

const VIDEOS_PER_EVENT: usize = 1000;

/// Views to add to an hour of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewDelta {
    pub video: VideoId,
    pub hour: i64,
    pub views: Views,
}

/// The deltas of one transaction.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The same in every attempt.
    pub id: i64,
    pub deltas: Vec<ViewDelta>,
}

impl Batch {
    /// The sum of each video, in the order of their ids.
    pub fn by_video(&self) -> BTreeMap<VideoId, Views> {
        let mut sums: BTreeMap<VideoId, Views> = BTreeMap::new();
        for delta in &self.deltas {
            let sum = sums.entry(delta.video).or_default();
            *sum = *sum + delta.views;
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
    /// Adds a batch to the totals and publishes it, unless it was added before.
    pub async fn apply(&self, batch: &Batch) -> Result<()> {
        let sums = &batch.by_video();
        let applied = self.outbox.transact(|txn| async move {
            if views::is_flushed(&*txn, batch.id).await? {
                return Ok(());
            }
            views::insert_flush_in_txn(&*txn, batch.id, self.clock.now()).await?;
            let mut existing = Vec::with_capacity(sums.len());
            for (video, views) in sums {
                if views::add_in_txn(&*txn, *video, *views).await? {
                    existing.push(*video);
                }
            }
            let mut hours: BTreeMap<i64, Vec<ViewDelta>> = BTreeMap::new();
            for delta in batch.deltas.iter().filter(|delta| existing.binary_search(&delta.video).is_ok()) {
                views::add_hour_in_txn(&*txn, delta.video, delta.hour, delta.views).await?;
                hours.entry(delta.hour).or_default().push(*delta);
            }
            let totals = views::totals(&*txn, &existing).await?;
            for (hour, deltas) in &hours {
                for deltas in deltas.chunks(VIDEOS_PER_EVENT) {
                    self.emit_counted_in_txn(&txn, batch.id, *hour, deltas, |id| {
                        totals.get(&id).map_or(0, |v| v.total())
                    })
                    .await?;
                }
            }
            Ok(())
        });
        match applied.await {
            // Another replica has added the same batch concurrently.
            Err(error) if is_duplicate(&error) => Ok(()),
            applied => applied,
        }
    }

    async fn emit_counted_in_txn(
        &self,
        txn: &Txn,
        flush_id: i64,
        hour: i64,
        deltas: &[ViewDelta],
        total: impl Fn(VideoId) -> i64,
    ) -> Result<()> {
        let videos = deltas.iter().map(|delta| VideoViews {
            video_id: delta.video.0,
            member: delta.views.member,
            non_member: delta.views.other,
            total: total(delta.video),
        });
        let hour = DateTime::from_timestamp(hour * 3600, 0).unwrap_or_default();
        let event = ViewsCounted { flush_id, hour: Some(hour.into()), videos: videos.collect() };
        self.outbox.emit(txn, &event).await
    }
}
