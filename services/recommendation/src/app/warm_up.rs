//! Fills an empty Redis before the first request, in pages and pipelines.

use std::time::Instant;

use fenz_core::{Result, VideoId};

use super::App;
use crate::store::listing;

const PAGE_SIZE: u64 = 1_000;

impl App {
    /// Fills Redis if it is configured and empty. If it is unavailable, requests
    /// and the refresh job fill it later.
    pub async fn warm_up(&self) -> Result<()> {
        if self.sets.is_warm().await != Some(false) {
            return Ok(());
        }
        let start = Instant::now();
        self.sets.refresh().await?;
        let (mut before, mut count) = (VideoId(i64::MAX), 0);
        while count < self.config.warm_videos {
            let limit = PAGE_SIZE.min(self.config.warm_videos - count);
            let page = listing::newest_public(&self.db, before, limit).await?;
            let Some(last) = page.last() else { break };
            before = last.video.id;
            count += page.len() as u64;
            if !self.summaries.write_redis(&page).await {
                tracing::warn!(videos = count, "redis warm-up interrupted; requests fill the rest");
                return Ok(());
            }
        }
        self.popular.refresh().await?;
        tracing::info!(videos = count, seconds = start.elapsed().as_secs_f64(), "redis warmed up");
        Ok(())
    }
}
