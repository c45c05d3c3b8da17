//! Seeing to the videos of what was deleted: of a channel they are deleted too,
//! a category or a tag they lose. In portions, each video in a transaction of
//! its own, so that it can stop and go on anywhere.

use std::{sync::Arc, time::Duration};

use fenz_chassis::{Result, database::Txn};
use fenz_events::Lease;
use tokio::{sync::Notify, time::Instant};

use super::App;
use crate::{
    domain::{CategoryId, Video, VideoId, changes::Changes},
    store::{
        sweeps::{self, Kind, Sweep},
        videos,
    },
};

/// Videos seen to before the lease is renewed.
const PORTION: u64 = 50;

/// The bell of the job. Clones share it.
#[derive(Clone, Default)]
pub struct Sweeps(Arc<Notify>);

impl Sweeps {
    /// Says that there is something to do.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    pub async fn woken(&self) {
        self.0.notified().await;
    }
}

impl App {
    /// Does what is ordered, if no other replica is at it.
    pub async fn sweep(&self, lease: &Lease) -> Result<()> {
        for sweep in sweeps::all(&self.db).await? {
            while lease.hold().await? {
                if !self.sweep_portion(&sweep).await? {
                    if self.clock.now() >= sweep.keep_until {
                        sweeps::finish(&self.db, &sweep).await?;
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Does what can be done in a while; the job does the rest.
    pub(super) async fn sweep_for(&self, sweep: &Sweep, at_most: Duration) -> Result<()> {
        let end = Instant::now() + at_most;
        while Instant::now() < end && self.sweep_portion(sweep).await? {}
        Ok(())
    }

    /// Whether there was something to do.
    async fn sweep_portion(&self, sweep: &Sweep) -> Result<bool> {
        let ids = match sweep.kind {
            Kind::Channel => videos::ids_of_channel(&self.db, sweep.subject, sweep.made_before, PORTION).await?,
            Kind::Category => videos::ids_of_category(&self.db, CategoryId(sweep.subject), PORTION).await?,
            Kind::Tag => videos::ids_of_tag(&self.db, sweep.subject, PORTION).await?,
        };
        for id in &ids {
            self.sweep_video(sweep, *id).await?;
        }
        if sweep.kind == Kind::Channel && !ids.is_empty() {
            self.errands.wake();
        }
        Ok(!ids.is_empty())
    }

    async fn sweep_video(&self, sweep: &Sweep, id: VideoId) -> Result<()> {
        let swept = self.outbox.transact(|txn| async move {
            let Some(video) = videos::lock_in_txn(&*txn, id).await? else {
                // A tag of a video that is gone would be found for ever.
                return Ok(videos::delete_in_txn(&*txn, id).await?);
            };
            let (category, tag) = (CategoryId(sweep.subject), sweep.subject);
            match sweep.kind {
                Kind::Channel if video.channel_id == sweep.subject && video.created_at < sweep.made_before => {
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
        swept.await?;
        self.hot.forget(id);
        Ok(())
    }

    async fn change_in_txn(&self, txn: &Txn, before: Video, changes: Changes) -> Result<()> {
        let after = changes.apply(before.clone(), self.clock.now());
        videos::update_in_txn(txn.as_ref(), &after).await?;
        self.tell_in_txn(txn, Some(&before), &after).await
    }

    /// A tag is gone: it is taken from every video.
    pub async fn tag_deleted_in_txn(&self, txn: &Txn, tag: i64) -> Result<()> {
        let keep_until = self.clock.after(self.config.claim_timeout);
        let sweep = Sweep { kind: Kind::Tag, subject: tag, made_before: keep_until, keep_until };
        sweeps::order_in_txn(txn.as_ref(), &sweep).await?;
        self.sweeps.wake();
        Ok(())
    }
}
