//! Fills an empty Redis before the first request: pages of rows, pipelined
//! writes, no statement per video.

use std::time::Instant;

use fenz_chassis::Result;

use super::App;
use crate::store::listing;

const PAGE: u64 = 1_000;

impl App {
    /// Fills Redis, where there is one and it is empty. One that is away is
    /// filled later, by requests and the job that refreshes.
    pub async fn warm_up(&self) -> Result<()> {
        if self.sets.is_warm().await != Some(false) {
            return Ok(());
        }
        let begin = Instant::now();
        self.sets.refresh().await?;
        let (mut before, mut count) = (i64::MAX, 0);
        while count < self.config.warm_videos {
            let page = listing::newest_public(&self.db, before, PAGE.min(self.config.warm_videos - count)).await?;
            let Some(last) = page.last() else { break };
            before = last.video.id;
            count += page.len() as u64;
            if !self.shelf.put_into_redis(&page).await {
                tracing::warn!(videos = count, "redis went away while it was filled; requests fill it");
                return Ok(());
            }
        }
        self.popular.refresh().await?;
        tracing::info!(videos = count, seconds = begin.elapsed().as_secs_f64(), "redis is warm");
        Ok(())
    }
}
